/// Threads for calls that may wait for a remote system, so that DuckDB's workers never do.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace weir::engine {

/// Runs each task at once: on an idle thread, or on a new one. There are as many threads as tasks ever waited at the
/// same time, which the limit on running queries bounds. Thread-safe.
class BackgroundThreads {
 public:
  BackgroundThreads() = default;
  /// Runs what was given, then joins.
  ~BackgroundThreads();
  BackgroundThreads(const BackgroundThreads&) = delete;
  BackgroundThreads& operator=(const BackgroundThreads&) = delete;

  /// `task` must not throw.
  void run(std::function<void()> task);

 private:
  void work();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> tasks_;
  size_t idle_ = 0;
  bool stopping_ = false;
  std::vector<std::jthread> threads_;
};

}  // namespace weir::engine
