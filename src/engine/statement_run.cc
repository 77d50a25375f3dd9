/// One statement while it runs.
#include "engine/statement_run.h"

#include <chrono>
#include <thread>

#include <duckdb/main/pending_query_result.hpp>
#include <duckdb/main/stream_query_result.hpp>

#include "engine/errors.h"
#include "engine/query_context.h"

namespace weir::engine {
namespace {

using duckdb::PendingExecutionResult;
using duckdb::StreamExecutionResult;

/// How long this thread steps aside when DuckDB's workers have all of the work. DuckDB itself would spin.
constexpr std::chrono::microseconds kStepAside{100};
/// Before that it only yields: the task of a look-up is done within some microseconds.
constexpr std::chrono::microseconds kYieldMax{50};

}  // namespace

Result<std::unique_ptr<StatementRun>> StatementRun::start(duckdb::Connection& connection,
                                                          duckdb::unique_ptr<duckdb::SQLStatement> statement,
                                                          ParameterValues values, std::string_view sql,
                                                          const Interruption& interruption) {
  std::unique_ptr<StatementRun> run(new StatementRun(connection, interruption));
  auto planned = guarded(sql, [&] {
    run->pending_ =
        connection.context->PendingQuery(std::move(statement), values, duckdb::QueryResultOutputType::ALLOW_STREAMING);
  });
  if (!planned) return fail(run->failure(std::move(planned.error())));
  if (run->pending_->HasError()) return fail(run->failure(to_error(run->pending_->GetErrorObject(), sql)));
  // DuckDB forgets an interrupt that came before it began, and its workers would go on to the end.
  if (interruption.stopped()) connection.context->Interrupt();
  return run;
}

StatementRun::~StatementRun() {
  // Both hold the connection's context, which holds them.
  if (pending_) pending_->Close();
  if (result_ && result_->type == duckdb::QueryResultType::STREAM_RESULT && !result_->HasError()) {
    auto& stream = result_->Cast<duckdb::StreamQueryResult>();
    if (stream.context) stream.Close();
  }
}

Error StatementRun::failure(Error error) {
  if (auto reason = interruption_.reason()) return *reason;
  auto query = QueryContext::of(client_);
  auto own = query ? query->take_error() : std::nullopt;
  return own ? std::move(*own) : std::move(error);
}

/// One step towards the result; true when it is there.
bool StatementRun::step_pending() {
  switch (pending_->ExecuteTask()) {
    case PendingExecutionResult::BLOCKED:
      pending_->WaitForTask();
      return false;
    case PendingExecutionResult::NO_TASKS_AVAILABLE:
      step_aside();
      return false;
    case PendingExecutionResult::RESULT_NOT_READY:
      progressed_at_ = Clock::now();
      return false;
    default:
      return true;
  }
}

/// One step towards the next chunk; true when it is there, or the end.
bool StatementRun::step_stream() {
  auto& stream = result_->Cast<duckdb::StreamQueryResult>();
  auto began = Clock::now();
  auto state = stream.ExecuteTask();
  if (duckdb::StreamQueryResult::IsChunkReady(state)) return true;
  if (state == StreamExecutionResult::BLOCKED) {
    stream.WaitForTask();
  } else if (Clock::now() - began < kStepAside / 4) {
    step_aside();  // there was nothing to do for this thread
  } else {
    progressed_at_ = Clock::now();
  }
  return false;
}

void StatementRun::step_aside() {
  if (Clock::now() - progressed_at_ < kYieldMax) return std::this_thread::yield();
  std::this_thread::sleep_for(kStepAside);
}

Status StatementRun::run_until_result() {
  while (!step_pending()) {
    if (interruption_.stopped()) return fail(*interruption_.reason());
  }
  if (pending_->HasError()) return fail(failure(to_error(pending_->GetErrorObject())));
  result_ = pending_->Execute();
  pending_.reset();
  if (result_->HasError()) return fail(failure(to_error(result_->GetErrorObject())));
  return {};
}

Status StatementRun::make_ready() {
  if (!result_) WEIR_TRY(run_until_result());
  if (result_->type != duckdb::QueryResultType::STREAM_RESULT) return {};
  while (!interruption_.stopped() && !step_stream()) {
  }
  return {};
}

Result<duckdb::unique_ptr<duckdb::DataChunk>> StatementRun::next() {
  using Chunk = duckdb::unique_ptr<duckdb::DataChunk>;
  if (ended_) return Chunk();
  progressed_at_ = Clock::now();
  auto ready = guarded({}, [&] { return make_ready(); });
  if (!ready) return fail(failure(std::move(ready.error())));
  if (auto reason = interruption_.reason()) return fail(std::move(*reason));
  if (result_->HasError()) return fail(failure(to_error(result_->GetErrorObject())));
  auto chunk = guarded({}, [&] { return result_->Fetch(); });
  if (!chunk) return fail(failure(std::move(chunk.error())));
  if (result_->HasError()) return fail(failure(to_error(result_->GetErrorObject())));
  ended_ = !*chunk || (*chunk)->size() == 0;
  return ended_ ? Chunk() : std::move(*chunk);
}

}  // namespace weir::engine
