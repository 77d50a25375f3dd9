/// The engine without a server.
#include "cli/local_session.h"

#include <mutex>

#include <nlohmann/json.hpp>

#include "cli/instance.h"

namespace weir::cli {
namespace {

class LocalSession final : public Session {
 public:
  explicit LocalSession(std::unique_ptr<Instance> instance) : instance_(std::move(instance)) {}

  Status run(const std::string& sql, AnswerSink& sink) override {
    {
      const std::lock_guard lock(mutex_);
      cancelled_ = false;
    }
    engine::QueryRequest request;
    request.text = sql;
    const auto query = WEIR_TRY(instance_->engine->start(request));
    const Running running(*this, query.get());
    return answer(*query, sink);
  }

  void cancel() override {
    const std::lock_guard lock(mutex_);
    cancelled_ = true;
    if (running_ != nullptr) running_->cancel();
  }

 private:
  /// Says to `cancel` which query runs.
  class Running {
   public:
    Running(LocalSession& session, engine::Query* query) : session_(session) { set(query); }
    ~Running() { set(nullptr); }
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;

   private:
    void set(engine::Query* query) {
      const std::lock_guard lock(session_.mutex_);
      session_.running_ = query;
      // Asked for while the query was still being planned.
      if (query != nullptr && session_.cancelled_) query->cancel();
    }
    LocalSession& session_;
  };

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
  engine::Query* running_ = nullptr;
  bool cancelled_ = false;
};

}  // namespace

Result<std::unique_ptr<Session>> open_local_session(const std::filesystem::path& data_dir) {
  return std::make_unique<LocalSession>(WEIR_TRY(Instance::open(data_dir, "", {}, /*keeps_copies=*/false)));
}

}  // namespace weir::cli
