#include "connectors/postgres/postgres_transaction.h"

#include <algorithm>
#include <utility>

namespace weir::postgres {
namespace {

using std::chrono::steady_clock;

constexpr const char* kBegin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
constexpr const char* kExport = "SELECT pg_export_snapshot()";
/// Reads of the leader run behind it: one that is cut short must not take the transaction, and with it the exported
/// snapshot, from the other reads.
constexpr const char* kSavepoint = "SAVEPOINT weir_read";
constexpr const char* kBackToSavepoint = "ROLLBACK TO SAVEPOINT weir_read";

/// A cancel takes a round trip; only a hung server makes this loop turn.
constexpr auto kStopCheckEvery = std::chrono::milliseconds(20);

/// A cancel that arrives before its statement is ignored by the server, so one that shows no effect is sent again.
constexpr auto kCancelAgainAfter = std::chrono::milliseconds(100);

/// Without a wait of its own a dead connection shows at once; only a silent one takes this long.
Deadline control_deadline(const Pool& pool) { return steady_clock::now() + pool.limits().connect_timeout; }

/// These statements touch no table, so only a server that is gone or hangs fails to answer in time.
Error as_unreachable(Error error) {
  if (error.code == ErrorCode::timeout) error.code = ErrorCode::source_unreachable;
  return error;
}

/// The server is there and will not: a look-alike of PostgreSQL without the function, or a user without the right.
bool is_refusal(const Error& error) {
  return error.code == ErrorCode::source_query_failed || error.code == ErrorCode::schema_drift;
}

}  // namespace

Result<SnapshotLease> SnapshotTransaction::acquire(Waiter& waiter) {
  const Deadline deadline = steady_clock::now() + pool_->limits().wait_max;
  for (;;) {
    const uint64_t seen = pool_->changes();
    if (auto lease = WEIR_TRY(try_acquire(waiter))) return std::move(*lease);
    const bool changed = pool_->wait_for_change(seen, waiter, deadline);
    if (waiter.stopped()) return fail(ErrorCode::cancelled, "the read was cancelled");
    if (!changed) {
      return fail(ErrorCode::pool_exhausted,
                  "no connection came free for " + std::to_string(pool_->limits().wait_max.count()) + " ms");
    }
  }
}

/// One attempt; empty: wait until something changes.
Result<std::optional<SnapshotLease>> SnapshotTransaction::try_acquire(Waiter& waiter) {
  std::unique_lock lock(mutex_);
  switch (leader_) {
    case Leader::absent:
      leader_ = Leader::starting;
      lock.unlock();
      return WEIR_TRY(start(waiter));
    case Leader::parked:
      leader_ = Leader::reading;
      lock.unlock();
      return WEIR_TRY(take_leader(waiter));
    case Leader::lost:
      return fail(ErrorCode::source_connection_lost, "the connection that holds the query's snapshot was lost");
    case Leader::starting:
      return std::nullopt;
    case Leader::reading:
    case Leader::elsewhere:
      break;
  }
  if (snapshot_.empty()) return std::nullopt;
  const std::string name = snapshot_;
  lock.unlock();
  auto place = pool_->try_place();
  if (!place) return std::nullopt;
  WEIR_TRY(import(*place, name, waiter));
  return SnapshotLease(std::move(*place), nullptr);
}

Result<SnapshotLease> SnapshotTransaction::start(Waiter& waiter) {
  auto begun = begin(waiter);
  set_leader(begun ? Leader::reading : Leader::absent);
  if (!begun) return fail(as_unreachable(begun.error()));
  return SnapshotLease(std::move(*begun), shared_from_this());
}

/// A connection with the transaction begun. One that died while it was idle is replaced without a word.
Result<Lease> SnapshotTransaction::begin(Waiter& waiter) {
  Lease lease = WEIR_TRY(pool_->acquire(waiter));
  Status begun = begin_and_export(*lease, waiter);
  if (!begun && begun.error().code == ErrorCode::source_connection_lost && lease.was_reused()) {
    WEIR_TRY(lease.reopen(waiter));
    begun = begin_and_export(*lease, waiter);
  }
  if (!begun) return fail(begun.error());
  return lease;
}

Status SnapshotTransaction::begin_and_export(Connection& connection, Waiter& waiter) {
  const auto run = [&](const std::string& text) { return connection.run(text, waiter, control_deadline(*pool_)); };
  if (!several_reads_) {
    WEIR_TRY(run(kBegin));
    return {};
  }
  auto results = run(std::string(kBegin) + "; " + kExport + "; " + kSavepoint);
  std::string name;
  if (results) {
    name = text_at(results->at(1).get(), 0, 0);
  } else if (!is_refusal(results.error())) {
    return fail(results.error());
  } else {
    // All reads take turns on this connection.
    WEIR_TRY(run(std::string("ROLLBACK; ") + kBegin + "; " + kSavepoint));
  }
  const std::lock_guard lock(mutex_);
  exportable_ = !name.empty();
  snapshot_ = std::move(name);
  return {};
}

Result<std::string> SnapshotTransaction::export_snapshot(const SnapshotLease& leader, Waiter& waiter) {
  {
    const std::lock_guard lock(mutex_);
    if (!snapshot_.empty() || !exportable_ || !leader.is_leader()) return snapshot_;
  }
  const auto results = leader->run(kExport, waiter, control_deadline(*pool_));
  if (!results && !is_refusal(results.error())) return fail(results.error());
  // The refused statement has spoiled the transaction.
  if (!results) WEIR_TRY(begin_again(leader, waiter));
  const std::lock_guard lock(mutex_);
  exportable_ = results.has_value();
  if (results) snapshot_ = text_at(results->at(0).get(), 0, 0);
  return snapshot_;
}

Result<bool> SnapshotTransaction::begin_again(const SnapshotLease& leader, Waiter& waiter) {
  if (several_reads_ || !leader.is_leader()) return false;
  WEIR_TRY(leader->run(std::string("ROLLBACK; ") + kBegin, waiter, control_deadline(*pool_)));
  return true;
}

Status SnapshotTransaction::import(Lease& place, const std::string& name, Waiter& waiter) {
  WEIR_TRY(place.open(waiter));
  const std::string text = std::string(kBegin) + "; SET TRANSACTION SNAPSHOT " + quote_literal(name);
  const Deadline deadline = steady_clock::now() + std::chrono::seconds(10);
  auto begun = place->run(text, waiter, deadline);
  if (!begun && begun.error().code == ErrorCode::source_connection_lost && place.was_reused()) {
    WEIR_TRY(place.reopen(waiter));
    begun = place->run(text, waiter, deadline);
  }
  if (!begun) return fail(as_unreachable(begun.error()));
  return {};
}

Result<SnapshotLease> SnapshotTransaction::take_leader(Waiter& waiter) {
  std::optional<Lease> lease;
  std::shared_future<void> interrupted;
  {
    const std::lock_guard lock(mutex_);
    lease.swap(parked_);
    std::swap(interrupted, interrupted_);
  }
  SnapshotLease leader(std::move(*lease), shared_from_this());
  if (interrupted.valid()) WEIR_TRY(recover(*leader, std::move(interrupted), waiter));
  return leader;
}

/// After a read that was cut short: takes what it still sends, and goes back to before it.
Status SnapshotTransaction::recover(Connection& leader, std::shared_future<void> cancelled, Waiter& waiter) {
  const Deadline deadline = control_deadline(*pool_);
  for (;;) {
    while (cancelled.wait_for(kStopCheckEvery) != std::future_status::ready) {
      if (waiter.stopped()) return fail(ErrorCode::cancelled, "the read was cancelled");
    }
    const Status drained = leader.drain(waiter, std::min(deadline, steady_clock::now() + kCancelAgainAfter));
    if (drained) break;
    if (drained.error().code != ErrorCode::timeout || steady_clock::now() >= deadline) return drained;
    cancelled = pool_->cancel(leader.backend_pid());
  }
  WEIR_TRY(leader.run(std::string(kBackToSavepoint) + "; " + kSavepoint, waiter, deadline));
  return {};
}

/// Takes the leader back after a read.
void SnapshotTransaction::park(Lease leader) {
  const bool usable = !leader->is_broken() && !leader->is_clean();
  std::optional<Lease> lost;
  {
    const std::lock_guard lock(mutex_);
    leader_ = usable ? Leader::parked : Leader::lost;
    if (usable && leader->is_busy()) interrupted_ = pool_->cancel(leader->backend_pid());
    (usable ? parked_ : lost).emplace(std::move(leader));
  }
  pool_->announce_change();
}

void SnapshotTransaction::set_leader(Leader state) {
  {
    const std::lock_guard lock(mutex_);
    leader_ = state;
  }
  pool_->announce_change();
}

SnapshotLease::~SnapshotLease() {
  if (leader_of_ != nullptr && lease_) leader_of_->park(std::move(*lease_));
}

}  // namespace weir::postgres
