/// One federated read, from the order to its end: begun and polled by DuckDB's tasks, which never
/// wait in it.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>

#include "connector/source.h"
#include "engine/query_context.h"
#include "engine/remote_connector.h"
#include "engine/remote_scan_record.h"
#include "plan/scan.h"

namespace weir::engine {

/// The one transaction of a query on a source. Thread-safe; outlives its streams.
class SharedTransaction {
 public:
  /// Begins at the first call, while others wait. `expected_reads` as in Source::begin, `snapshot` as in
  /// Source::begin_at, or empty. Errors: those of Source::begin (the same for every later call) and of
  /// ReadTransaction::read.
  Result<std::unique_ptr<connector::BatchStream>> read(connector::Source& source, int expected_reads,
                                                       const std::string& snapshot, const plan::Scan& scan,
                                                       const connector::ReadOptions& options);

 private:
  std::mutex mutex_;
  std::optional<Result<std::unique_ptr<connector::ReadTransaction>>> begun_;
};

/// What a read is about. Immutable, shared by the plan and its runs.
struct ReadOrder {
  std::shared_ptr<const RemoteConnector> connector;
  plan::Scan scan;
  std::shared_ptr<const connector::TableInfo> info;  ///< of the table, or of the query's answer
  int expected_reads = 1;                            ///< of the same statement on the same source
  std::string snapshot;                              ///< of Source::begin_at; empty: as the source is
  std::shared_ptr<ScanRecord> record;
};

/// Thread-safe.
class RemoteRead : public std::enable_shared_from_this<RemoteRead> {
  struct Private {};

 public:
  /// Begins to read. `on_change` is called, from any thread, whenever a poll that answered `pending`
  /// may now answer something else; it must not throw. `query` may be nothing.
  static std::shared_ptr<RemoteRead> start(Federation& federation, std::shared_ptr<const ReadOrder> order,
                                           duckdb::shared_ptr<QueryContext> query, std::function<void()> on_change);
  RemoteRead(Private, Federation& federation, std::shared_ptr<const ReadOrder> order,
             duckdb::shared_ptr<QueryContext> query, std::function<void()> on_change);

  /// As BatchStream::poll; `pending` also while the read has not begun.
  Result<connector::BatchStream::Poll> poll();
  /// Later polls answer `cancelled`. Returns at once.
  void cancel();
  /// Ends the read and reports it, once; nobody polls any more. Returns at once: what must wait for the source is left
  /// to a background thread.
  void finish();
  /// Rows so far.
  uint64_t rows() const;

 private:
  void begin();
  Result<std::unique_ptr<connector::BatchStream>> open();
  Error remember(Error error);
  void report(const connector::ReadStats& stats, const std::optional<Error>& error);

  Federation& federation_;
  const std::shared_ptr<const ReadOrder> order_;
  const duckdb::shared_ptr<QueryContext> query_;
  const std::function<void()> on_change_;
  const std::chrono::steady_clock::time_point started_at_ = std::chrono::steady_clock::now();
  std::shared_ptr<SharedTransaction> transaction_;

  mutable std::mutex mutex_;
  std::shared_ptr<connector::BatchStream> stream_;  ///< nothing before the read has begun
  std::optional<Error> error_;
  bool ended_ = false;  ///< all rows have come
  bool finished_ = false;
};

}  // namespace weir::engine
