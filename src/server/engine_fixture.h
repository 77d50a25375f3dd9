/// For tests: an engine whose queries do as a script says.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <arrow/array/util.h>
#include <arrow/c/bridge.h>
#include <arrow/record_batch.h>
#include <arrow/scalar.h>
#include <arrow/type.h>

#include "engine/engine.h"

namespace weir::server::testing {

/// Polls until `condition` holds; false after 20 s.
template <typename Condition>
bool eventually(Condition condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

/// What a query does. Its rows have one column, `n`, of text.
struct Script {
  int batches = 1;
  int rows = 2;                                ///< in a batch
  std::string value = "x";                     ///< of every row
  std::optional<int> waits_at = std::nullopt;  ///< the call of next() that waits until the query is cancelled
  std::optional<int> fails_at = std::nullopt;  ///< the call of next() that answers `failure`
  std::optional<Error> failure = std::nullopt;
  std::optional<Error> start_failure = std::nullopt;
  bool start_waits = false;  ///< start() waits until the request is told to stop
};

/// What happened to a query. Thread-safe.
struct Trace {
  std::atomic<int> next_calls = 0;
  std::atomic<bool> waiting = false, cancelled = false, ended = false;
  std::mutex mutex;
  std::condition_variable changed;

  void cancel() {
    const std::lock_guard lock(mutex);
    cancelled = true;
    changed.notify_all();
  }
  void wait_until_cancelled() {
    std::unique_lock lock(mutex);
    waiting = true;
    changed.wait(lock, [&] { return cancelled.load(); });
  }
};

class ScriptedQuery final : public engine::Query {
 public:
  ScriptedQuery(std::string id, Script script, std::shared_ptr<Trace> trace, const std::stop_token& stop)
      : id_(std::move(id)),
        script_(std::move(script)),
        trace_(std::move(trace)),
        on_stop_(stop, [this] { trace_->cancel(); }) {
    const auto value = arrow::MakeArrayFromScalar(arrow::StringScalar(script_.value), script_.rows).ValueOrDie();
    batch_ = arrow::RecordBatch::Make(arrow::schema({arrow::field("n", arrow::utf8())}), script_.rows, {value});
  }
  ~ScriptedQuery() override { trace_->ended = true; }

  const std::string& id() const override { return id_; }
  const std::vector<engine::ResultColumn>& columns() const override { return columns_; }
  Result<batch::OwnedSchema> schema() override {
    batch::OwnedSchema out;
    if (!arrow::ExportSchema(*batch_->schema(), out.get()).ok()) return fail(ErrorCode::internal, "export failed");
    return out;
  }
  Result<std::optional<batch::OwnedArray>> next() override {
    trace_->next_calls++;
    const int call = calls_++;
    if (call == script_.waits_at) trace_->wait_until_cancelled();
    if (trace_->cancelled) return fail(ErrorCode::cancelled, "query was cancelled");
    if (call == script_.fails_at) return fail(*script_.failure);
    if (call >= script_.batches) return std::nullopt;
    batch::OwnedArray out;
    if (!arrow::ExportRecordBatch(*batch_, out.get()).ok()) return fail(ErrorCode::internal, "export failed");
    return out;
  }
  void cancel() override { trace_->cancel(); }
  engine::QuerySummary summary() override {
    engine::QuerySummary summary;
    summary.row_count = static_cast<uint64_t>(script_.rows) * static_cast<uint64_t>(script_.batches);
    return summary;
  }

 private:
  std::string id_;
  Script script_;
  std::shared_ptr<Trace> trace_;
  std::stop_callback<std::function<void()>> on_stop_;
  int calls_ = 0;
  std::vector<engine::ResultColumn> columns_{{"n", "VARCHAR"}};
  std::shared_ptr<arrow::RecordBatch> batch_;
};

/// Answers each text by its script, and knows no other. Thread-safe.
class ScriptedEngine final : public engine::Engine {
 public:
  /// Later queries of this text do so; what happens to them is written into one trace.
  std::shared_ptr<Trace> script(const std::string& text, Script script) {
    const std::lock_guard lock(mutex_);
    auto trace = std::make_shared<Trace>();
    scripts_[text] = {std::move(script), trace};
    return trace;
  }

  Result<std::unique_ptr<engine::Query>> start(const engine::QueryRequest& request) override {
    const std::lock_guard lock(mutex_);
    last_ = request;
    if (draining_) return fail(ErrorCode::shutting_down, "engine is draining");
    const auto found = scripts_.find(request.text);
    if (found == scripts_.end()) return fail(ErrorCode::syntax_error, "syntax error at position 1");
    const auto& [script, trace] = found->second;
    if (script.start_failure) return fail(*script.start_failure);
    if (script.start_waits) {
      const std::stop_callback on_stop(request.stop, [trace] { trace->cancel(); });
      trace->wait_until_cancelled();
      trace->ended = true;
      return fail(ErrorCode::cancelled, "query was cancelled");
    }
    const std::string id = "query-" + std::to_string(traces_.size() + 1);
    traces_[id] = {request, trace};
    return std::make_unique<ScriptedQuery>(id, script, trace, request.stop);
  }
  Result<std::unique_ptr<lake::SqlSession>> open_session() override {
    return fail(ErrorCode::not_available_yet, "sessions of a scripted engine");
  }
  std::optional<std::chrono::system_clock::time_point> oldest_running() const override { return {}; }
  std::vector<engine::QueryLine> queries() const override {
    const std::lock_guard lock(mutex_);
    std::vector<engine::QueryLine> lines;
    for (const auto& [id, query] : traces_) {
      const std::string state = query.second->ended ? "done" : "running";
      lines.push_back(
          {id, query.first.text, query.first.principal.name, state, "2024-02-29T12:00:00.000000Z", 1.5, "", nullptr});
    }
    return lines;
  }
  Status cancel(const std::string& id) override {
    const std::lock_guard lock(mutex_);
    const auto found = traces_.find(id);
    if (found == traces_.end()) return fail(ErrorCode::query_not_found, "no query has the id " + id);
    found->second.second->cancel();
    return {};
  }
  bool stopped() const override { return has_stopped; }
  std::atomic<bool> has_stopped = false;
  void drain(std::chrono::milliseconds limit) override {
    {
      const std::lock_guard lock(mutex_);
      draining_ = true;
    }
    const auto deadline = std::chrono::steady_clock::now() + limit;
    while (running() > 0 && std::chrono::steady_clock::now() < deadline) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    const std::lock_guard lock(mutex_);
    for (auto& [id, query] : traces_) {
      if (!query.second->ended) query.second->cancel();
    }
  }
  Result<nlohmann::json> catalog_schema(const engine::Principal& principal) override {
    return nlohmann::json{{"catalogs", nlohmann::json::array()}, {"asked_by", principal.name}};
  }

  engine::QueryRequest last_request() const {
    const std::lock_guard lock(mutex_);
    return last_;
  }
  int running() const {
    const std::lock_guard lock(mutex_);
    int count = 0;
    for (const auto& [id, query] : traces_) count += query.second->ended ? 0 : 1;
    return count;
  }

 private:
  mutable std::mutex mutex_;
  bool draining_ = false;
  engine::QueryRequest last_;
  std::map<std::string, std::pair<Script, std::shared_ptr<Trace>>> scripts_;
  std::map<std::string, std::pair<engine::QueryRequest, std::shared_ptr<Trace>>> traces_;
};

}  // namespace weir::server::testing
