#include "connectors/postgres/postgres_pool.h"

#include <algorithm>
#include <utility>

#include "connectors/postgres/postgres_janitor.h"

namespace weir::postgres {
namespace {

using std::chrono::steady_clock;

/// A firewall may have forgotten a connection that was idle for longer: it is asked before it is used.
constexpr auto kPingAfter = std::chrono::seconds(30);
/// Tidying takes about one round trip; opening another connection takes many.
constexpr auto kTidyingWait = std::chrono::milliseconds(5);

Error exhausted(const PoolLimits& limits) {
  return {ErrorCode::pool_exhausted,
          "all " + std::to_string(limits.size_max) + " connections stayed in use for " +
              std::to_string(limits.wait_max.count()) + " ms",
          {},
          {}};
}

Error stopped() { return {ErrorCode::cancelled, "the read was cancelled", {}, {}}; }

}  // namespace

Pool::Pool(Open open, PoolLimits limits) : open_(std::move(open)), limits_(limits) {}

std::shared_ptr<Pool> Pool::make(Open open, PoolLimits limits) {
  std::shared_ptr<Pool> pool(new Pool(std::move(open), limits));
  pool->janitor_ = std::make_unique<Janitor>(*pool);
  return pool;
}

// No lease is left (each holds the pool), so only the janitor may still be at work.
Pool::~Pool() { janitor_.reset(); }

Result<Lease> Pool::acquire(Waiter& waiter) {
  const Deadline deadline = steady_clock::now() + limits_.wait_max;
  const Deadline open_from = steady_clock::now() + kTidyingWait;
  for (;;) {
    const uint64_t seen = changes();
    const bool may_open = steady_clock::now() >= open_from;
    if (auto lease = take_place(may_open)) {
      WEIR_TRY(lease->open(waiter));
      return std::move(*lease);
    }
    const bool changed = wait_for_change(seen, waiter, may_open ? deadline : std::min(deadline, open_from));
    if (waiter.stopped()) return fail(stopped());
    if (!changed && steady_clock::now() >= deadline) return fail(exhausted(limits_));
  }
}

std::optional<Lease> Pool::try_idle() {
  std::optional<Lease> lease;
  {
    const std::lock_guard lock(mutex_);
    if (idle_.empty() || waiting_ > 0 || steady_clock::now() - idle_.back().since >= kPingAfter) return std::nullopt;
    lease.emplace(Lease(shared_from_this(), std::move(idle_.back().connection), idle_.back().since));
    idle_.pop_back();
    leased_++;
  }
  if ((*lease)->is_stale()) return std::nullopt;  // the lease's end closes it
  return lease;
}

std::optional<Lease> Pool::try_spare() {
  {
    const std::lock_guard lock(mutex_);
    if (waiting_ > 0 || limits_.size_max - leased_ - tidying_ < 2) return std::nullopt;
  }
  return take_place(/*may_open=*/true);
}

std::optional<Lease> Pool::try_place() { return take_place(/*may_open=*/true); }

/// An idle connection or the place for a new one. `may_open` false: no new one while another is being tidied up.
std::optional<Lease> Pool::take_place(bool may_open) {
  const std::lock_guard lock(mutex_);
  std::unique_ptr<Connection> connection;
  steady_clock::time_point since{};
  if (!idle_.empty()) {
    connection = std::move(idle_.back().connection);
    since = idle_.back().since;
    idle_.pop_back();
  } else if (leased_ + tidying_ >= limits_.size_max || (tidying_ > 0 && !may_open)) {
    return std::nullopt;
  }
  leased_++;
  return Lease(shared_from_this(), std::move(connection), since);
}

Result<std::unique_ptr<Connection>> Pool::open(Waiter& waiter) {
  auto connection = WEIR_TRY(open_(waiter, steady_clock::now() + limits_.connect_timeout));
  const std::lock_guard lock(mutex_);
  opened_total_++;
  if (lost_ > 0) {
    lost_--;
    reconnects_total_++;
  }
  server_ = connection->server();
  return connection;
}

/// A round trip of an empty statement.
bool Pool::answers(Connection& connection, Waiter& waiter) const {
  return connection.run("", waiter, steady_clock::now() + limits_.connect_timeout).has_value();
}

void Pool::drop_idle() {
  std::vector<Idle> dropped;
  const std::lock_guard lock(mutex_);
  dropped.swap(idle_);
  lost_ += dropped.size();
}

/// Every end of a lease comes here; `connection` is empty when the place was never filled.
void Pool::give_back(std::unique_ptr<Connection> connection) {
  const bool tidy = connection != nullptr && !connection->is_broken() && !connection->is_clean();
  const bool keep = connection != nullptr && connection->is_clean() && !connection->is_stale();
  {
    const std::lock_guard lock(mutex_);
    leased_--;
    if (tidy) tidying_++;
    if (!tidy && !keep && connection != nullptr) lost_++;
    if (keep) idle_.push_back({std::move(connection), steady_clock::now()});
  }
  if (tidy) janitor_->tidy(std::move(connection));
  connection.reset();
  announce_change();
}

/// The janitor is done; `connection` is empty when it had to be closed.
void Pool::tidied(std::unique_ptr<Connection> connection) {
  {
    const std::lock_guard lock(mutex_);
    tidying_--;
    if (connection != nullptr) idle_.push_back({std::move(connection), steady_clock::now()});
  }
  announce_change();
}

std::vector<std::unique_ptr<Connection>> Pool::take_idle_since(steady_clock::time_point before) {
  std::vector<std::unique_ptr<Connection>> taken;
  const std::lock_guard lock(mutex_);
  std::erase_if(idle_, [&](Idle& idle) {
    if (idle.since >= before) return false;
    taken.push_back(std::move(idle.connection));
    return true;
  });
  return taken;
}

std::shared_future<void> Pool::cancel(int backend_pid) { return janitor_->cancel(backend_pid); }

bool Pool::wait_for_change(uint64_t seen, Waiter& waiter, Deadline deadline) {
  std::unique_lock lock(mutex_);
  waiting_++;
  const bool changed = changed_.wait_until(lock, waiter.token(), deadline, [&] { return changes_ != seen; });
  waiting_--;
  return changed;
}

uint64_t Pool::changes() const {
  const std::lock_guard lock(mutex_);
  return changes_;
}

void Pool::announce_change() {
  {
    const std::lock_guard lock(mutex_);
    changes_++;
  }
  changed_.notify_all();
}

std::optional<ServerFacts> Pool::server() const {
  const std::lock_guard lock(mutex_);
  return server_;
}

connector::PoolStats Pool::stats() const {
  const std::lock_guard lock(mutex_);
  return {.in_use = leased_ + tidying_,
          .idle = static_cast<int>(idle_.size()),
          .max = limits_.size_max,
          .opened_total = opened_total_,
          .reconnects_total = reconnects_total_};
}

Lease::Lease(std::shared_ptr<Pool> pool, std::unique_ptr<Connection> connection, steady_clock::time_point idle_since)
    : pool_(std::move(pool)),
      connection_(std::move(connection)),
      idle_since_(idle_since),
      reused_(connection_ != nullptr) {}

Lease::Lease(Lease&& other) noexcept
    : pool_(std::move(other.pool_)),
      connection_(std::move(other.connection_)),
      idle_since_(other.idle_since_),
      reused_(other.reused_) {}

Lease& Lease::operator=(Lease&& other) noexcept {
  if (this != &other) {
    end();
    pool_ = std::move(other.pool_);
    connection_ = std::move(other.connection_);
    idle_since_ = other.idle_since_;
    reused_ = other.reused_;
  }
  return *this;
}

Lease::~Lease() { end(); }

void Lease::end() {
  if (pool_ == nullptr) return;
  pool_->give_back(std::move(connection_));
  pool_.reset();
}

Status Lease::open(Waiter& waiter) {
  if (connection_ != nullptr) {
    const bool ask = steady_clock::now() - idle_since_ >= kPingAfter;
    if (!connection_->is_stale() && (!ask || pool_->answers(*connection_, waiter))) return {};
    discard();
    if (waiter.stopped()) return fail(stopped());
  }
  connection_ = WEIR_TRY(pool_->open(waiter));
  return {};
}

Status Lease::reopen(Waiter& waiter) {
  discard();
  pool_->drop_idle();
  return open(waiter);
}

void Lease::discard() {
  if (connection_ == nullptr) return;
  connection_.reset();
  reused_ = false;
  const std::lock_guard lock(pool_->mutex_);
  pool_->lost_++;
}

}  // namespace weir::postgres
