#include "sync/snapshot_jobs.h"

#include <algorithm>

#include "sync/copy_sql.h"
#include "telemetry/log.h"

namespace weir::sync {
namespace {

using std::chrono::steady_clock;
using telemetry::Level;

constexpr std::chrono::seconds kRetryFirst{1};
constexpr std::chrono::seconds kRetryMax{60};

std::chrono::seconds pause_after(int failures) {
  return std::min(kRetryMax, kRetryFirst * (1 << std::min(failures - 1, 6)));
}

}  // namespace

SnapshotJobs::SnapshotJobs(std::string connector, std::shared_ptr<connector::ChangeSource> changes,
                           std::shared_ptr<Landing> landing, Board& board, int tables_max, std::function<void()> wake)
    : connector_(std::move(connector)),
      changes_(std::move(changes)),
      landing_(std::move(landing)),
      board_(board),
      wake_(std::move(wake)) {
  for (int i = 0; i < tables_max; ++i) {
    threads_.emplace_back([this](const std::stop_token& stop) { work(stop); });
  }
}

SnapshotJobs::~SnapshotJobs() {
  for (auto& thread : threads_) thread.request_stop();
  changed_.notify_all();
  threads_.clear();
}

void SnapshotJobs::add(const plan::TableName& table, std::shared_ptr<connector::SnapshotPoint> point) {
  {
    const std::lock_guard lock(mutex_);
    waiting_.push_back({table, std::move(point), 0, {}});
    ++added_;
  }
  changed_.notify_all();
}

bool SnapshotJobs::has(const plan::TableName& table) const {
  const std::lock_guard lock(mutex_);
  return std::ranges::find(reading_, table) != reading_.end() ||
         std::ranges::find(waiting_, table, &Job::table) != waiting_.end() ||
         std::ranges::find(done_, table, &Done::table) != done_.end();
}

std::vector<SnapshotJobs::Done> SnapshotJobs::take_done(const connector::Position& position) {
  const std::lock_guard lock(mutex_);
  std::vector<Done> reached;
  std::erase_if(done_, [&](Done& done) {
    if (done.at > position) return false;
    reached.push_back(std::move(done));
    return true;
  });
  return reached;
}

bool SnapshotJobs::awaits_position() const {
  const std::lock_guard lock(mutex_);
  return !done_.empty();
}

void SnapshotJobs::work(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    const auto now = steady_clock::now();
    const auto due = std::ranges::find_if(waiting_, [&](const Job& job) { return job.not_before <= now; });
    if (due == waiting_.end()) {
      auto next = now + std::chrono::hours(1);
      for (const auto& job : waiting_) next = std::min(next, job.not_before);
      changed_.wait_until(lock, stop, next, [&, seen = added_] { return added_ != seen; });
      continue;
    }
    Job job = std::move(*due);
    waiting_.erase(due);
    reading_.push_back(job.table);
    lock.unlock();
    auto done = read(job, stop);
    if (!done && !stop.stop_requested()) {
      board_.set_phase(job.table, TablePhase::errored, done.error().to_string());
      telemetry::log(
          Level::warning, "snapshot_failed",
          {{"connector", connector_}, {"table", job.table.to_string()}, {"error", done.error().to_string()}});
    }
    lock.lock();
    std::erase(reading_, job.table);
    if (done) {
      done_.push_back(std::move(*done));
      lock.unlock();
      wake_();
      lock.lock();
    } else {
      job.point.reset();
      job.not_before = steady_clock::now() + pause_after(++job.failures);
      waiting_.push_back(std::move(job));
    }
  }
}

Result<SnapshotJobs::Done> SnapshotJobs::read(Job& job, const std::stop_token& stop) {
  if (!job.point) {
    job.point = WEIR_TRY(changes_->snapshot_point(stop));
    WEIR_TRY(landing_->snapshot_begins(job.table, job.point->position(), job.point->taken_at()));
  }
  board_.set_phase(job.table, TablePhase::snapshotting, "reads the table as of " + job.point->position());
  const std::string scan = "weir_snapshot(" + literal(connector_) + ", " + literal(job.table.schema) + ", " +
                           literal(job.table.table) + ", " + literal(job.point->name()) + ")";
  const uint64_t rows = WEIR_TRY(landing_->load(job.table, scan, stop));
  return Done{job.table, rows, std::exchange(job.point, nullptr)->position()};
}

}  // namespace weir::sync
