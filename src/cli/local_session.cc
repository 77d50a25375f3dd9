/// The engine without a server.
#include "cli/local_session.h"

#include <mutex>
#include <stop_token>

#include <nlohmann/json.hpp>

#include "cli/instance.h"

namespace weir::cli {
namespace {

class LocalSession final : public Session {
 public:
  explicit LocalSession(std::unique_ptr<Instance> instance) : instance_(std::move(instance)) {}

  Status run(const std::string& sql, AnswerSink& sink) override {
    engine::QueryRequest request;
    request.text = sql;
    request.stop = renew_stop();
    const auto query = WEIR_TRY(instance_->engine->start(request));
    return answer(*query, sink);
  }

  void cancel() override {
    const std::lock_guard lock(mutex_);
    stop_.request_stop();
  }

 private:
  std::stop_token renew_stop() {
    const std::lock_guard lock(mutex_);
    stop_ = std::stop_source();
    return stop_.get_token();
  }

  static Status answer(engine::Query& query, AnswerSink& sink) {
    std::vector<format::Column> columns;
    for (const auto& column : query.columns()) columns.push_back({column.name, column.type});
    const auto schema = WEIR_TRY(query.schema());
    WEIR_TRY(sink.begin(columns, *schema.get()));
    while (auto batch = WEIR_TRY(query.next())) WEIR_TRY(sink.batch(std::move(*batch)));
    return sink.end(query.summary());
  }

  std::unique_ptr<Instance> instance_;
  std::mutex mutex_;
  std::stop_source stop_;  ///< of the query that runs
};

}  // namespace

Result<std::unique_ptr<Session>> open_local_session(const std::filesystem::path& data_dir) {
  return std::make_unique<LocalSession>(WEIR_TRY(Instance::open(data_dir, "", {}, /*keeps_copies=*/false)));
}

}  // namespace weir::cli
