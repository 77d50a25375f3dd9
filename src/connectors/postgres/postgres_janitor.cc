#include "connectors/postgres/postgres_janitor.h"

#include <utility>

#include "connectors/postgres/postgres_pool.h"

namespace weir::postgres {
namespace {

using std::chrono::steady_clock;

/// A healthy server answers in milliseconds; one that does not is not worth waiting for.
constexpr auto kTidyingMax = std::chrono::milliseconds(2000);
/// A cancel that arrives before its statement is ignored by the server, so one that shows no effect is sent again.
constexpr auto kCancelAgainAfter = std::chrono::milliseconds(50);
constexpr auto kIdleCheckEvery = std::chrono::seconds(30);
constexpr auto kIdleClosedAfter = std::chrono::minutes(5);

std::string cancel_text(const std::vector<int>& backend_pids) {
  std::string text = "SELECT";
  for (const int pid : backend_pids) {
    text += (text.back() == ')' ? ", " : " ");
    text += "pg_cancel_backend(" + std::to_string(pid) + ")";
  }
  return text;
}

/// Whether `connection` is clean now. Its statement has been cancelled.
bool clean_up(Connection& connection, Deadline deadline) {
  Waiter waiter;
  if (connection.is_busy() && !connection.drain(waiter, deadline)) return false;
  if (!connection.is_clean() && !connection.run("ROLLBACK", waiter, deadline)) return false;
  return connection.is_clean();
}

}  // namespace

Janitor::Janitor(Pool& pool) : pool_(pool), thread_([this](const std::stop_token& stop) { run(stop); }) {}

Janitor::~Janitor() = default;

void Janitor::tidy(std::unique_ptr<Connection> connection) {
  {
    const std::lock_guard lock(mutex_);
    work_.untidy.push_back(std::move(connection));
  }
  wake_.notify_one();
}

std::shared_future<void> Janitor::cancel(int backend_pid) {
  std::promise<void> done;
  std::shared_future<void> answered = done.get_future().share();
  {
    const std::lock_guard lock(mutex_);
    work_.cancels.push_back({backend_pid, std::move(done)});
  }
  wake_.notify_one();
  return answered;
}

void Janitor::run(const std::stop_token& stop) {
  for (;;) {
    Work work = wait_for_work(stop);
    if (work.empty() && stop.stop_requested()) return;
    perform(std::move(work));
    close_idle();
  }
}

Janitor::Work Janitor::wait_for_work(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  wake_.wait_for(lock, stop, kIdleCheckEvery, [&] { return !work_.empty(); });
  return std::exchange(work_, Work{});
}

void Janitor::perform(Work work) {
  std::vector<std::unique_ptr<Connection>> running;
  const Deadline deadline = steady_clock::now() + kTidyingMax;
  // Those that only need a rollback first: somebody may be waiting for them.
  for (auto& connection : work.untidy) {
    if (connection->is_busy()) {
      running.push_back(std::move(connection));
      continue;
    }
    if (!clean_up(*connection, deadline)) connection.reset();
    pool_.tidied(std::move(connection));
  }
  std::vector<int> asked_for;
  for (const Cancel& cancel : work.cancels) asked_for.push_back(cancel.backend_pid);
  stop_statements(std::move(running), std::move(asked_for));
  for (Cancel& cancel : work.cancels) cancel.done.set_value();
}

/// Cancels the statements of `running` and `others`, and gives `running` back.
void Janitor::stop_statements(std::vector<std::unique_ptr<Connection>> running, std::vector<int> others) {
  const Deadline deadline = steady_clock::now() + kTidyingMax;
  bool cancelled = true;
  while (cancelled && (!running.empty() || !others.empty()) && steady_clock::now() < deadline) {
    std::vector<int> pids = std::exchange(others, {});
    for (const auto& connection : running) pids.push_back(connection->backend_pid());
    cancelled = cancel_on_server(pids);
    const Deadline step = steady_clock::now() + kCancelAgainAfter;
    if (cancelled) std::erase_if(running, [&](auto& connection) { return give_back_if_clean(connection, step); });
  }
  // Closing is a cancel too, if a slow one: the server notices when it writes to the connection or looks after it.
  for (auto& connection : running) {
    connection.reset();
    pool_.tidied(nullptr);
  }
}

bool Janitor::give_back_if_clean(std::unique_ptr<Connection>& connection, Deadline deadline) {
  if (!clean_up(*connection, deadline)) return false;
  pool_.tidied(std::move(connection));
  return true;
}

bool Janitor::cancel_on_server(const std::vector<int>& backend_pids) {
  Waiter waiter;
  const Deadline deadline = steady_clock::now() + kTidyingMax;
  if (control_ != nullptr && control_->is_stale()) control_.reset();
  if (control_ == nullptr) {
    auto opened = pool_.open_(waiter, deadline);
    if (!opened) return false;
    control_ = std::move(*opened);
  }
  control_used_ = steady_clock::now();
  const bool answered = control_->run(cancel_text(backend_pids), waiter, deadline).has_value();
  if (!answered) control_.reset();
  return answered;
}

void Janitor::close_idle() {
  const auto before = steady_clock::now() - kIdleClosedAfter;
  pool_.take_idle_since(before).clear();
  if (control_ != nullptr && control_used_ < before) control_.reset();
}

}  // namespace weir::postgres
