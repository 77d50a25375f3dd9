/// One query from its text to its last row.
#pragma once

#include <atomic>
#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include <duckdb.hpp>

#include "base/deadlines.h"
#include "engine/arrow_batches.h"
#include "engine/database.h"
#include "engine/inspection.h"
#include "engine/interruption.h"
#include "engine/query_log.h"
#include "engine/statement_run.h"

namespace weir::engine {

/// What all queries of an engine share.
struct QueryServices {
  Database& database;
  lake::Committer& committer;
  telemetry::Metrics& metrics;
  QueryLog& log;
  Deadlines& deadlines;
};

class RunningQuery final : public Query {
 public:
  /// Runs all statements but the last, and plans the last: a reading one begins, a writing one waits for `next`.
  /// Errors: those of Engine::start.
  static Result<std::unique_ptr<Query>> start(QueryServices services, const QueryRequest& request);
  ~RunningQuery() override;

  const std::string& id() const override { return id_; }
  const std::vector<ResultColumn>& columns() const override { return columns_; }
  Result<batch::OwnedSchema> schema() override;
  Result<std::optional<batch::OwnedArray>> next() override;
  void cancel() override;
  QuerySummary summary() override;

 private:
  using Statement = duckdb::unique_ptr<duckdb::SQLStatement>;
  using Clock = std::chrono::steady_clock;

  RunningQuery(QueryServices services, const QueryRequest& request);
  Status begin();
  Status demand_freshness();
  Result<duckdb::vector<Statement>> parse();
  Status run_all_but_last(duckdb::vector<Statement>& statements);
  Status start_last();

  Status open(Statement statement);
  Status look();
  Error with_offers(Error error, const AllowList& rules) const;
  Status read_snapshot();
  Status start_reading();
  Status write();
  Status write_now();
  Status discard_rows();
  Status begin_reading();
  Status close_reading();
  Status drop_reading();

  Result<bool> take_chunk();
  Status limit_rows(duckdb::DataChunk& chunk);
  Result<duckdb::unique_ptr<duckdb::DataChunk>> next_chunk();
  void measure();
  void finish(const Error* error);

  QueryServices services_;
  const std::string id_;
  const QueryRequest request_;
  const Clock::time_point started_ = Clock::now();
  std::unique_ptr<duckdb::Connection> connection_;
  duckdb::shared_ptr<QueryContext> context_;
  std::shared_ptr<Interruption> interruption_;
  ParameterValues given_;
  bool counted_ = false;  ///< stands in the query log

  Statement statement_;  ///< the one that is looked at or runs
  ParameterValues values_;
  Inspection seen_;
  bool reading_ = false;  ///< in a transaction of its own
  std::unique_ptr<StatementRun> run_;
  std::deque<duckdb::unique_ptr<duckdb::DataChunk>> written_;  ///< the answer of a writing statement

  std::vector<ResultColumn> columns_;
  std::unique_ptr<ArrowBatches> batches_;
  std::optional<Error> failed_;
  bool ended_ = false;
  std::atomic<bool> finished_ = false;
  QuerySummary summary_;
  std::optional<std::stop_callback<std::function<void()>>> on_stop_;  ///< last: it uses what is above
};

}  // namespace weir::engine
