/// The queries that run and those that ran last.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "engine/interruption.h"

namespace weir::engine {

/// Thread-safe.
class QueryLog {
 public:
  QueryLog(int running_max, int kept) : running_max_(running_max), kept_(static_cast<size_t>(kept)) {}

  /// Lists a query as running. Errors: too_many_requests, shutting_down.
  Status begin(const std::string& id, const QueryRequest& request, std::weak_ptr<Interruption> interruption);
  /// Moves it to the finished ones. `error`: nothing when it succeeded.
  void finish(const std::string& id, const Error* error, const QuerySummary& summary);

  std::vector<QueryLine> lines() const;
  /// When the oldest query began that still runs; nothing: none does.
  std::optional<std::chrono::system_clock::time_point> oldest_running() const;
  /// Errors: query_not_found.
  Status cancel(const std::string& id);
  /// See Engine::drain.
  void drain(std::chrono::milliseconds limit);

 private:
  struct Running {
    QueryLine line;
    std::chrono::steady_clock::time_point started;
    std::weak_ptr<Interruption> interruption;
  };
  std::vector<std::shared_ptr<Interruption>> running_interruptions() const;

  const int running_max_;
  const size_t kept_;
  mutable std::mutex mutex_;
  std::condition_variable ended_;
  bool draining_ = false;
  std::map<std::string, Running> running_;
  std::deque<QueryLine> finished_;  ///< newest first
};

}  // namespace weir::engine
