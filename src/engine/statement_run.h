/// One statement while it runs: its chunks, one after the other, and never a wait that cannot be interrupted.
#pragma once

#include <chrono>
#include <memory>

#include <duckdb.hpp>

#include "engine/interruption.h"
#include "engine/parameters.h"

namespace weir::engine {

/// Belongs to one thread. Ending it early leaves the connection to be closed or used for the next statement.
class StatementRun {
 public:
  /// Plans `statement` and lets DuckDB begin. Errors: any that a query can have.
  static Result<std::unique_ptr<StatementRun>> start(duckdb::Connection& connection,
                                                     duckdb::unique_ptr<duckdb::SQLStatement> statement,
                                                     ParameterValues values, std::string_view sql,
                                                     const Interruption& interruption);
  ~StatementRun();
  StatementRun(const StatementRun&) = delete;
  StatementRun& operator=(const StatementRun&) = delete;

  /// The next chunk, or nothing at the end. Errors: any that a query can have, and the reason of an interruption.
  Result<duckdb::unique_ptr<duckdb::DataChunk>> next();

 private:
  using Clock = std::chrono::steady_clock;

  StatementRun(duckdb::Connection& connection, const Interruption& interruption)
      : client_(*connection.context), interruption_(interruption) {}

  Status make_ready();
  Status run_until_result();
  bool step_pending();
  bool step_stream();
  void step_aside();
  Error failure(Error error);

  duckdb::ClientContext& client_;
  const Interruption& interruption_;
  duckdb::unique_ptr<duckdb::PendingQueryResult> pending_;
  duckdb::unique_ptr<duckdb::QueryResult> result_;
  bool ended_ = false;
  Clock::time_point progressed_at_;  ///< when this thread last had something to do
};

}  // namespace weir::engine
