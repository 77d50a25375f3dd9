/// A replication connection: slots, and the stream of the write-ahead log's changes.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "connectors/postgres/lsn.h"
#include "connectors/postgres/postgres_connection.h"

namespace weir::postgres {

/// A slot that was just made. The snapshot lives until the connection's next statement.
struct NewSlot {
  Lsn consistent_point;
  std::string snapshot;
};

/// What to start a stream with.
struct ReplicationStart {
  std::string slot;
  std::string publication;
  Lsn from;
};

/// One thread. Errors of all: those of Connection, source_permission_denied, source_not_prepared.
class ReplicationConnection {
 public:
  /// The session runs with the same settings as any other of the connector: text forms in the stream are the same.
  static Result<std::unique_ptr<ReplicationConnection>> open(ConnectionParameters parameters, Waiter& waiter,
                                                             Deadline deadline);

  /// Waits for all transactions that are open on the source now. Errors: already_exists, timeout.
  Result<NewSlot> create_slot(const std::string& name, bool temporary, Waiter& waiter, Deadline deadline);
  /// Errors: replication_slot_missing; replication_slot_in_use, when another connection has not gone by `deadline`.
  Status start(const ReplicationStart& start, Waiter& waiter, Deadline deadline);

  /// After `start`: see Connection. `end`: ask `why_ended`.
  Result<CopyMessage> message() { return connection_->copy_message(); }
  Error why_ended(Waiter& waiter);
  /// Waits for more, not longer than until `deadline`. False: nothing came. While much comes, lets a little more gather
  /// first, because the source sends row by row, and a reader that is woken for each costs both sides several times as
  /// much.
  Result<bool> receive(Waiter& waiter, Deadline deadline);
  /// `reply_now` asks the source for a sign of life.
  Status send_status(Lsn received, Lsn confirmed, bool reply_now, Waiter& waiter, Deadline deadline);

  Connection& connection() { return *connection_; }

 private:
  explicit ReplicationConnection(std::unique_ptr<Connection> connection) : connection_(std::move(connection)) {}

  std::unique_ptr<Connection> connection_;
  std::string slot_;  ///< that is streamed from
  std::chrono::steady_clock::time_point received_at_{};
};

}  // namespace weir::postgres
