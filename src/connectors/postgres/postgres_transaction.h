/// One snapshot of the source, seen by all connections that read for one query.
#pragma once

#include <condition_variable>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/result.h"
#include "connectors/postgres/postgres_pool.h"

namespace weir::postgres {

class SnapshotLease;

/// Thread-safe. The first connection that is asked for becomes the leader: it takes the snapshot, exports it, and keeps
/// its transaction open until the last user is gone. It reads as well; others import the snapshot. Nothing is sent
/// before the first `acquire`, so the snapshot is as of the first read.
class SnapshotTransaction : public std::enable_shared_from_this<SnapshotTransaction> {
 public:
  /// `several_reads`: more than one read will use it, so the snapshot is exported from the start.
  SnapshotTransaction(std::shared_ptr<Pool> pool, bool several_reads)
      : pool_(std::move(pool)), several_reads_(several_reads) {}
  /// Reads in a snapshot that somebody else has exported, and holds.
  SnapshotTransaction(std::shared_ptr<Pool> pool, std::string snapshot)
      : pool_(std::move(pool)), several_reads_(true), leader_(Leader::elsewhere), snapshot_(std::move(snapshot)) {}

  /// A connection inside the snapshot, waiting for a free one. Errors: pool_exhausted, cancelled, source_*, tls_*.
  Result<SnapshotLease> acquire(Waiter& waiter);

  /// Exports the snapshot of `leader`, or gives the name that it was exported under; empty when the server cannot: then
  /// the transaction may have begun again.
  Result<std::string> export_snapshot(const SnapshotLease& leader, Waiter& waiter);
  /// Gives the transaction a new snapshot, and its locks back. False: others read in it, so it stays as it is.
  Result<bool> begin_again(const SnapshotLease& leader, Waiter& waiter);
  /// A place for one more connection of a read that has one; `import` makes it see the snapshot.
  std::optional<Lease> try_spare() { return pool_->try_spare(); }
  /// Opens `place` where needed and begins a transaction on it that sees the snapshot `name`.
  static Status import(Lease& place, const std::string& name, Waiter& waiter);

 private:
  friend class SnapshotLease;
  /// absent → starting → reading ⇄ parked; reading → lost. elsewhere: for ever.
  enum class Leader : uint8_t { absent, starting, parked, reading, lost, elsewhere };

  Result<SnapshotLease> start(Waiter& waiter);
  Result<Lease> begin(Waiter& waiter);
  Status begin_and_export(Connection& connection, Waiter& waiter);
  Result<SnapshotLease> take_leader(Waiter& waiter);
  Result<std::optional<SnapshotLease>> try_acquire(Waiter& waiter);
  Status recover(Connection& leader, std::shared_future<void> cancelled, Waiter& waiter);
  void park(Lease leader);
  void set_leader(Leader state);

  const std::shared_ptr<Pool> pool_;
  const bool several_reads_;
  std::mutex mutex_;
  Leader leader_ = Leader::absent;
  std::optional<Lease> parked_;           // set while `leader_` is parked
  std::shared_future<void> interrupted_;  // valid when the parked leader's last read was cut short
  bool exportable_ = true;
  std::string snapshot_;  // empty: not exported
};

/// A connection inside the snapshot; goes back when the lease ends.
class SnapshotLease {
 public:
  SnapshotLease(SnapshotLease&&) noexcept = default;
  SnapshotLease& operator=(SnapshotLease&&) = delete;
  ~SnapshotLease();

  Connection& operator*() const { return **lease_; }
  Connection* operator->() const { return &**lease_; }
  bool is_leader() const { return leader_of_ != nullptr; }

 private:
  friend class SnapshotTransaction;
  SnapshotLease(Lease lease, std::shared_ptr<SnapshotTransaction> leader_of)
      : lease_(std::move(lease)), leader_of_(std::move(leader_of)) {}

  std::optional<Lease> lease_;
  std::shared_ptr<SnapshotTransaction> leader_of_;  // empty: an importer
};

}  // namespace weir::postgres
