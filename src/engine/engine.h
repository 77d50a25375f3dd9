/// The SQL engine: DuckDB with the lake and the connectors as catalogs. No header of this folder that others include
/// shows a DuckDB type.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/result.h"
#include "batch/arrow_owners.h"
#include "connector/fleet.h"
#include "lake/committer.h"
#include "lake/data_directory.h"
#include "lake/sql_session.h"
#include "plan/scan_summary.h"
#include "telemetry/metrics.h"

namespace weir::engine {

enum class Role : uint8_t { read, write, admin };
/// "read", "write", "admin".
std::string_view to_string(Role role);

/// Who asks. `schemas`: the lake schemas and connectors a token is confined to; empty: all.
struct Principal {
  std::string name = "local";
  Role role = Role::admin;
  std::vector<std::string> schemas;

  /// Whether the token may know of a connector or a schema of the lake; letter case does not matter.
  bool may_see(std::string_view schema) const;
};

struct EngineOptions {
  int threads = 0;                                ///< 0: one per core
  uint64_t memory_limit_bytes = 0;                ///< 0: DuckDB's default, 80 % of the machine
  uint64_t scan_queue_bytes = 16u << 20;          ///< bound of each federated scan's queue
  int scan_streams_max = 4;                       ///< connections that one federated scan may use
  std::filesystem::path ducklake_extension;       ///< the signed extension file
  std::vector<std::filesystem::path> allow_dirs;  ///< where an admin may read and write files
  int queries_running_max = 64;
  int queries_kept = 1000;  ///< finished queries that `queries()` shows
};

/// Limits of one query; 0 means none.
struct QueryLimits {
  uint64_t rows_max = 0;
  std::chrono::milliseconds time_max{0};
  bool partial_allowed = false;  ///< at rows_max: end and mark the answer `partial` instead of failing
  /// Of live copies that are read: how old they may be, and up to where they must have everything.
  std::optional<std::chrono::milliseconds> freshness_min = {};
  std::string position_min = {};
};

struct QueryRequest {
  std::string text;                                 ///< one or more SQL statements; the last one's rows are the answer
  nlohmann::json params = nlohmann::json::array();  ///< values of $1, $2 … (array) or $name (object)
  Principal principal;
  QueryLimits limits;
  std::stop_token stop;  ///< cancels the query from the first moment of `Engine::start` on
};

/// A column of an answer; `type` is the SQL type's name, e.g. "DECIMAL(12,2)".
struct ResultColumn {
  std::string name;
  std::string type;
};

/// Where one table's rows came from.
struct Freshness {
  std::string table;
  std::string served;  ///< "live", "lake" or "synced"
  std::optional<int64_t> snapshot_id;
  std::optional<std::string> position;
  std::optional<double> lag_seconds;
};

/// What an answer says about itself.
struct QuerySummary {
  uint64_t row_count = 0;
  bool partial = false;
  std::vector<plan::ScanSummary> scans;
  std::vector<Freshness> freshness;
  std::vector<std::string> warnings;  ///< what the asker should know of what was read
  double elapsed_ms = 0;
  uint64_t rows_scanned = 0;
  uint64_t bytes_read = 0;
  uint64_t extents_total = 0, extents_pruned_catalog = 0, extents_pruned_index = 0, blocks_total = 0, blocks_pruned = 0;
};
/// {"row_count","partial","pushdown_summary","stats","freshness"} as REST shows it.
void to_json(nlohmann::json& out, const QuerySummary& summary);

/// A running query. `next` belongs to one thread; `cancel` to any.
class Query {
 public:
  virtual ~Query() = default;  ///< cancels what is unfinished
  virtual const std::string& id() const = 0;
  virtual const std::vector<ResultColumn>& columns() const = 0;
  /// The Arrow schema of the batches.
  virtual Result<batch::OwnedSchema> schema() = 0;
  /// The next batch of at most 2048 × 8 rows, or nothing at the end. Errors: any that a query can have.
  virtual Result<std::optional<batch::OwnedArray>> next() = 0;
  /// Stops the query, on every source too; `next` then answers `cancelled`.
  virtual void cancel() = 0;
  /// Complete after `next` has answered the end or an error.
  virtual QuerySummary summary() = 0;
};

/// One line of `GET /v1/queries`.
struct QueryLine {
  std::string id, text, principal, state;  ///< state: running, done, failed, cancelled
  std::string started_at;                  ///< ISO 8601
  double elapsed_ms = 0;
  std::string error_code;  ///< empty unless failed
  nlohmann::json summary;  ///< null while running
};

/// Thread-safe.
class Engine {
 public:
  /// Opens DuckDB in memory, checks its source id against the headers it was built with, attaches the lake, and
  /// starts the fleet. Errors: those of lake::attach, internal (wrong library).
  static Result<std::unique_ptr<Engine>> open(const EngineOptions& options, const lake::DataDirectory& directory,
                                              connector::Fleet& fleet, lake::Committer& committer,
                                              telemetry::Metrics& metrics);
  virtual ~Engine() = default;

  /// Parses, checks against the principal's role, plans and starts. Errors: syntax_error, invalid_query,
  /// table_not_found, column_not_found, statement_not_allowed, source_*, too_many_requests, shutting_down …
  virtual Result<std::unique_ptr<Query>> start(const QueryRequest& request) = 0;
  /// A session of Weir's own, held to no allow-list, with `weir_snapshot(connector, schema, table, snapshot)`. It must
  /// go before the engine does. Errors: out_of_memory, engine_stopped.
  virtual Result<std::unique_ptr<lake::SqlSession>> open_session() = 0;
  /// Running ones first, then the finished, newest first.
  virtual std::vector<QueryLine> queries() const = 0;
  /// When the oldest query began that still runs; nothing: none does.
  virtual std::optional<std::chrono::system_clock::time_point> oldest_running() const = 0;
  /// Errors: query_not_found.
  virtual Status cancel(const std::string& query_id) = 0;
  /// Whether DuckDB has met a defect and runs nothing any more, until Weir is restarted.
  virtual bool stopped() const = 0;
  /// Takes no new queries, waits until the running ones end, cancels them after `limit`.
  virtual void drain(std::chrono::milliseconds limit) = 0;
  /// {"catalogs":[{name, kind, schemas:[{name, tables:[{name, columns:[{name,type,nullable}]}]}]}]} as `principal` may
  /// see it.
  virtual Result<nlohmann::json> catalog_schema(const Principal& principal) = 0;
};

/// "DuckDB v1.5.5 (d8cdaa33fd)", of the library that is loaded.
std::string library_version();

}  // namespace weir::engine
