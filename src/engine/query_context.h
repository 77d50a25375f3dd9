/// What one connection's running statement knows beside DuckDB: who asks, its federated scans, and its real errors.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <duckdb.hpp>
#include <duckdb/main/client_context_state.hpp>

#include "base/result.h"
#include "engine/engine.h"
#include "plan/scan_summary.h"

namespace weir::engine {

class RemoteRead;
class ScanRecord;
class SharedTransaction;
struct BoundTable;

/// Per-connection state of DuckDB under the key "weir_query". Thread-safe. A statement's scans are known from planning
/// on and complete when DuckDB has ended the query; the next statement that reads remote tables replaces them.
class QueryContext final : public duckdb::ClientContextState {
 public:
  explicit QueryContext(Principal principal) : principal_(std::move(principal)) {}

  /// Makes a context for `client`'s connection, replacing one that is there.
  static duckdb::shared_ptr<QueryContext> install(duckdb::ClientContext& client, Principal principal);
  /// Nothing for a connection without one, e.g. DuckLake's own.
  static duckdb::shared_ptr<QueryContext> of(duckdb::ClientContext& client);

  const Principal& principal() const { return principal_; }

  /// One entry for each remote table of the statement, in plan order; also for scans that never had to start.
  std::vector<plan::ScanSummary> scans() const;
  /// One entry for each live table; the engine adds those of lake tables.
  std::vector<Freshness> freshness() const;
  /// The statement reads a table from its live copy.
  void reads_copy(const std::string& connector, const plan::TableName& table, const connector::CopyState& state);
  struct ReadCopy {
    std::string connector;
    plan::TableName table;
    Freshness freshness;
    bool stopped = false;  ///< does not follow its source
  };
  std::vector<ReadCopy> copies() const;
  /// False when `lake_table` ("weir.pg_prod.public.users") is no copy that the statement reads.
  bool notes_snapshot(const std::string& lake_table, int64_t snapshot);
  /// What did not stop the query but a reader should know, e.g. a source left out of information_schema.
  std::vector<std::string> warnings() const;
  void warn(std::string text);
  /// Forgets scans, warnings and the error: before a statement that shall answer for itself only.
  void forget();

  /// Whether a scan may end at a limit of its source instead of failing.
  void take_a_part(bool allowed);
  bool takes_a_part() const;
  /// A scan has ended so: the answer is not whole.
  void was_cut(const std::string& connector);
  bool cut() const;

  /// Rows of the statement's scans, so far.
  uint64_t rows_read() const;
  /// Cancels every scan that runs, on its source too, and all that will still begin on this connection: there is no way
  /// back, so that a cancel between two statements is not lost.
  void cancel();
  bool cancelled() const;

  /// Keeps the first error of the statement, because its code and hint do not survive DuckDB's exceptions.
  void fail(Error error);
  std::optional<Error> take_error();

  // From here on: for the federation files of this folder.

  /// The remote tables that the statement names, before DuckDB's optimizer may drop some.
  void bound(std::vector<std::shared_ptr<const BoundTable>> tables);
  std::vector<std::shared_ptr<const BoundTable>> take_bound();
  /// The plan's scans, replacing those of an earlier plan. Nothing happens when there are none.
  void planned(std::vector<std::shared_ptr<ScanRecord>> records);
  /// A scan begins to read: `cancel` reaches it from now on. Errors: cancelled.
  Status started(const std::shared_ptr<ScanRecord>& record, std::weak_ptr<RemoteRead> read);
  /// The statement's one transaction on a source.
  std::shared_ptr<SharedTransaction> transaction(const std::string& connector_id);

  void QueryBegin(duckdb::ClientContext& client) override;
  void QueryEnd(duckdb::ClientContext& client) override;

 private:
  Principal principal_;
  mutable std::mutex mutex_;
  bool cancelled_ = false;
  bool takes_a_part_ = false;
  bool cut_ = false;
  std::optional<Error> error_;
  std::vector<std::string> warnings_;
  std::vector<ReadCopy> copies_;
  std::vector<std::shared_ptr<const BoundTable>> bound_;
  std::vector<std::shared_ptr<ScanRecord>> records_;
  bool records_are_of_earlier_run_ = false;
  std::vector<std::weak_ptr<RemoteRead>> reads_;
  std::map<std::string, std::shared_ptr<SharedTransaction>> transactions_;
};

}  // namespace weir::engine
