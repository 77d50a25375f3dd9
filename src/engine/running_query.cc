/// One query from its text to its last row.
#include "engine/running_query.h"

#include <utility>

#include <duckdb/parser/parser.hpp>
#include <fmt/format.h>

#include "base/ids.h"
#include "engine/catalog_schema.h"
#include "engine/duck_session.h"
#include "engine/errors.h"
#include "engine/freshness.h"
#include "engine/run_statistics.h"
#include "engine/secret_text.h"
#include "lake/lake.h"
#include "telemetry/log.h"

namespace weir::engine {
namespace {

/// A batch that is not full goes out when its first rows have waited so long for more.
constexpr std::chrono::milliseconds kBatchWaitMax{50};
/// How long a reader of a copy that is being switched waits before it looks whether it was stopped.
constexpr std::chrono::milliseconds kSwitchLook{50};

double milliseconds(std::chrono::steady_clock::duration time) {
  return std::chrono::duration<double, std::milli>(time).count();
}

}  // namespace

Result<std::unique_ptr<Query>> RunningQuery::start(QueryServices services, const QueryRequest& request) {
  std::unique_ptr<RunningQuery> query(new RunningQuery(services, request));
  if (auto begun = query->begin(); !begun) {
    const Error error = without_text(std::move(begun.error()), request.text);
    query->finish(&error);
    return fail(error);
  }
  return query;
}

RunningQuery::RunningQuery(QueryServices services, const QueryRequest& request)
    : services_(services), id_(new_ordered_uuid()), request_(request) {}

RunningQuery::~RunningQuery() {
  if (!finished_) {
    cancel();
    Error unfinished{ErrorCode::cancelled, "the client went away", {}, {}};
    run_.reset();
    finish(&unfinished);
  }
}

Status RunningQuery::begin() {
  connection_ = WEIR_TRY(guarded({}, [&] { return services_.database.connect(request_.principal); }));
  context_ = QueryContext::of(*connection_->context);
  interruption_ = std::make_shared<Interruption>(connection_->context, context_);
  WEIR_TRY(services_.log.begin(id_, request_, interruption_));
  counted_ = true;
  on_stop_.emplace(request_.stop, [this] { cancel(); });
  services_.metrics.query_started();
  if (const auto limit = request_.limits.time_max; limit.count() > 0) {
    services_.deadlines.add(limit, interruption_, [query = interruption_.get(), limit] {
      query->stop(
          {ErrorCode::timeout, fmt::format("the query ran longer than its time limit: {} ms", limit.count()), {}, {}});
    });
  }
  given_ = WEIR_TRY(parameter_values(request_.params));
  WEIR_TRY(demand_freshness());
  auto statements = WEIR_TRY(parse());
  WEIR_TRY(run_all_but_last(statements));
  WEIR_TRY(open(std::move(statements.back())));
  return start_last();
}

/// The request's demands become the session's settings, which its text may change.
Status RunningQuery::demand_freshness() {
  const auto& limits = request_.limits;
  DuckSession session(*connection_);
  if (limits.freshness_min) {
    WEIR_TRY(session.run(fmt::format("SET weir_min_freshness_ms = {}", limits.freshness_min->count())));
  }
  if (limits.position_min.empty()) return {};
  return session.run("SET weir_min_lsn = " + duckdb::Value(limits.position_min).ToSQLString());
}

Result<duckdb::vector<RunningQuery::Statement>> RunningQuery::parse() {
  const AllowList rules(request_.principal, services_.database.allow_dirs());
  auto statements = WEIR_TRY(guarded(request_.text, [&] {
    duckdb::Parser parser(connection_->context->GetParserOptions());
    parser.ParseQuery(request_.text);
    return std::move(parser.statements);
  }));
  if (statements.empty()) return fail(ErrorCode::invalid_query, "the query is empty");
  for (const auto& statement : statements) WEIR_TRY(rules.statement(*statement));
  // PIVOT and some pragmas stand for other statements.
  WEIR_TRY(guarded(request_.text, [&] { connection_->context->PreprocessStatements(statements); }));
  for (const auto& statement : statements) WEIR_TRY(rules.statement(*statement));
  return statements;
}

Status RunningQuery::run_all_but_last(duckdb::vector<Statement>& statements) {
  for (size_t index = 0; index + 1 < statements.size(); ++index) {
    WEIR_TRY(open(std::move(statements[index])));
    if (seen_.changes_lake) {
      WEIR_TRY(write());
      written_.clear();
      run_.reset();
    } else {
      WEIR_TRY(start_reading());
      WEIR_TRY(discard_rows());
    }
  }
  return {};
}

/// Looks at a statement inside the transaction in which a reading one then runs, so both see the same snapshot.
Status RunningQuery::open(Statement statement) {
  if (auto reason = interruption_->reason()) return fail(std::move(*reason));
  statement_ = std::move(statement);
  context_->forget();
  values_ = WEIR_TRY(values_for(*statement_, given_));
  WEIR_TRY(look());
  // What stays in the lake is whole.
  context_->take_a_part(request_.limits.partial_allowed && !seen_.changes_lake);
  if (seen_.changes_lake) return close_reading();  // the committer begins its own
  return read_snapshot();
}

/// Begins the statement's transaction and looks at it there. The two snapshots of a live copy (hot database, lake) are
/// taken on the way; when a fold moved rows or a copy became another one in between, both are taken anew.
Status RunningQuery::look() {
  const AllowList rules(request_.principal, services_.database.allow_dirs());
  bool waited = false;
  for (;;) {
    const auto& epoch = services_.committer.epoch();
    const auto began_at = epoch.now();
    WEIR_TRY(begin_reading());
    auto seen = inspect(*connection_->context, *statement_, values_, rules, request_.text);
    const auto copies = context_->copies();
    const bool settled = copies.empty() || epoch.still(began_at);
    if (!seen && settled) return fail(with_offers(std::move(seen.error()), rules));
    const auto wanted =
        copies.empty() || !seen || std::exchange(waited, true) ? std::nullopt : wanted_freshness(*connection_->context);
    if (!wanted && settled) {
      seen_ = std::move(*seen);
      return {};
    }
    if (seen) seen->plan.reset();
    WEIR_TRY(drop_reading());
    if (!settled) static_cast<void>(epoch.settles(kSwitchLook));
    if (wanted) {
      WEIR_TRY(wait_for_copies(*connection_->context, copies, *wanted, [this] { return interruption_->stopped(); }));
    }
    if (auto reason = interruption_->reason()) return fail(std::move(*reason));
    context_->forget();
  }
}

Error RunningQuery::with_offers(Error error, const AllowList& rules) const {
  // A near name may be one that the token shall not know of.
  if (!request_.principal.schemas.empty() && error.kind() == ErrorKind::not_found) error.hint.clear();
  if (error.code != ErrorCode::schema_not_found || !error.hint.empty()) return error;
  return offer_catalogs(std::move(error), visible_catalogs(*connection_->context, rules));
}

Status RunningQuery::read_snapshot() {
  summary_.freshness.clear();
  summary_.extents_total = 0;
  if (seen_.lake_reads.empty()) return {};
  // DuckLake holds the tables of a plan until the next statement of the connection ends; afterwards they may go
  // whenever memory is short. So it is made again.
  seen_.plan.reset();
  auto rows = WEIR_TRY(DuckSession(*connection_).rows("SELECT id FROM ducklake_current_snapshot('weir')"));
  int64_t current = rows.empty() ? 0 : std::stoll(rows[0][0]);
  for (const auto& read : seen_.lake_reads) {
    Freshness entry{read.table, "lake", current, {}, {}};
    if (read.at_version) entry.snapshot_id = read.at_version;
    if (read.at_other_time) entry.snapshot_id.reset();
    summary_.extents_total += read.extents;
    // A live copy stands under the name of its source, with its position.
    if (!context_->notes_snapshot(read.table, current)) summary_.freshness.push_back(std::move(entry));
  }
  return {};
}

Status RunningQuery::start_last() {
  for (size_t column = 0; column < seen_.names.size(); ++column) {
    columns_.push_back({seen_.names[column], seen_.types[column].ToString()});
  }
  batches_ = std::make_unique<ArrowBatches>(*connection_->context, seen_.names, seen_.types);
  return seen_.changes_lake ? Status() : start_reading();
}

Status RunningQuery::start_reading() {
  RunStatistics::count(*connection_->context, seen_.reads_here);
  if (seen_.plan) {
    statement_ = statement_of(std::move(seen_.plan), statement_->query);
    values_.clear();
  }
  run_ = WEIR_TRY(StatementRun::start(*connection_, std::move(statement_), values_, request_.text, *interruption_));
  return {};
}

Status RunningQuery::discard_rows() {
  while (WEIR_TRY(run_->next())) {
  }
  run_.reset();
  return close_reading();
}

/// BEGIN and COMMIT as statements would be planned and run like any other: a quarter of the time of a look-up. Nothing
/// else uses this connection meanwhile.
Status RunningQuery::begin_reading() {
  auto& client = *connection_->context;
  return guarded({}, [&] {
    client.transaction.SetAutoCommit(false);
    reading_ = true;
  });
}

/// No statement is running.
Status RunningQuery::close_reading() {
  if (!std::exchange(reading_, false)) return {};
  auto& client = *connection_->context;
  return guarded({}, [&] { client.transaction.Commit(); });
}

Status RunningQuery::drop_reading() {
  if (!std::exchange(reading_, false)) return {};
  auto& client = *connection_->context;
  return guarded({}, [&] { client.transaction.Rollback(nullptr); });
}

Status RunningQuery::write() {
  DuckSession session(*connection_);
  auto done = services_.committer.commit(session, [&] { return write_now(); }, interruption_->token());
  if (done) return {};
  auto reason = interruption_->reason();
  return fail(reason ? std::move(*reason) : std::move(done.error()));
}

/// The statement is one transaction: DuckDB commits it when its last row has been taken.
Status RunningQuery::write_now() {
  WEIR_TRY(read_snapshot());
  WEIR_TRY(start_reading());
  while (auto chunk = WEIR_TRY(run_->next())) written_.push_back(std::move(chunk));
  return {};
}

Result<batch::OwnedSchema> RunningQuery::schema() { return batches_->schema(); }

Result<std::optional<batch::OwnedArray>> RunningQuery::next() {
  using Batch = std::optional<batch::OwnedArray>;
  if (failed_) return fail(*failed_);
  auto first = Clock::now();
  while (!ended_ && !batches_->full() && (batches_->empty() || Clock::now() - first < kBatchWaitMax)) {
    auto more = take_chunk();
    if (!more) {
      failed_ = std::move(more.error());
      finish(&*failed_);
      return fail(*failed_);
    }
    if (!*more) ended_ = true;
  }
  if (!batches_->empty()) return Batch(WEIR_TRY(batches_->take()));
  finish(nullptr);
  return Batch();
}

/// One more chunk into the batch; false at the end.
Result<bool> RunningQuery::take_chunk() {
  if (summary_.partial) return false;
  auto chunk = WEIR_TRY(next_chunk());
  if (!chunk) {
    measure();
    WEIR_TRY(close_reading());
    return false;
  }
  WEIR_TRY(limit_rows(*chunk));
  if (chunk->size() > 0) WEIR_TRY(batches_->add(*chunk));
  summary_.row_count += chunk->size();
  return true;
}

Result<duckdb::unique_ptr<duckdb::DataChunk>> RunningQuery::next_chunk() {
  if (!seen_.changes_lake) return run_->next();
  if (!run_) WEIR_TRY(write());
  if (written_.empty()) return duckdb::unique_ptr<duckdb::DataChunk>();
  auto chunk = std::move(written_.front());
  written_.pop_front();
  return chunk;
}

Status RunningQuery::limit_rows(duckdb::DataChunk& chunk) {
  const auto& limits = request_.limits;
  if (limits.rows_max == 0 || summary_.row_count + chunk.size() <= limits.rows_max) return {};
  if (!limits.partial_allowed) {
    return fail(ErrorCode::row_limit_exceeded,
                "the result has more rows than the limit allows: " + std::to_string(limits.rows_max));
  }
  chunk.SetCardinality(limits.rows_max - summary_.row_count);
  summary_.partial = true;
  measure();
  run_.reset();
  return {};
}

void RunningQuery::cancel() { interruption_->stop({ErrorCode::cancelled, "the query was cancelled", {}, {}}); }

void RunningQuery::measure() {
  if (!seen_.reads_here) return;
  auto statistics = RunStatistics::of_last(*connection_->context);
  summary_.rows_scanned = statistics.rows_scanned;
  summary_.bytes_read = statistics.bytes_read;
  summary_.blocks_total = statistics.blocks_total;
  summary_.blocks_pruned = statistics.blocks_pruned;
  summary_.extents_pruned_catalog =
      summary_.extents_total > statistics.extents_read ? summary_.extents_total - statistics.extents_read : 0;
}

void RunningQuery::finish(const Error* error) {
  if (finished_) return;
  run_.reset();
  seen_.plan.reset();
  // Ends what DuckDB still runs, and with it every scan on a source.
  if (std::exchange(reading_, false)) static_cast<void>(DuckSession(*connection_).run("ROLLBACK"));
  if (context_) {
    summary_.scans = context_->scans();
    for (auto& entry : context_->freshness()) summary_.freshness.push_back(std::move(entry));
    summary_.warnings = context_->warnings();
    summary_.partial |= context_->cut();
  }
  if (interruption_) interruption_->release();
  summary_.elapsed_ms = milliseconds(Clock::now() - started_);
  finished_ = true;
  if (!counted_) return;
  services_.log.finish(id_, error, summary_);
  std::string outcome(error == nullptr ? "ok" : describe(error->code).name);
  services_.metrics.query_finished(outcome, summary_.elapsed_ms / 1000);
  services_.metrics.rows_returned(summary_.row_count);
  bool defect = error != nullptr && error->code == ErrorCode::internal;
  telemetry::log(defect ? telemetry::Level::error : telemetry::Level::debug, "query_finished",
                 {{"query_id", id_},
                  {"principal", request_.principal.name},
                  {"outcome", outcome},
                  {"elapsed_ms", std::to_string(summary_.elapsed_ms)},
                  {"rows", std::to_string(summary_.row_count)},
                  {"error", defect ? error->message : std::string()}});
}

QuerySummary RunningQuery::summary() { return summary_; }

}  // namespace weir::engine
