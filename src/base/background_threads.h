/// Threads for work that may wait for another system, so that the threads of an engine or a server never do.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>

namespace weir {

/// Runs each task at once: on an idle thread, or on a new one. The caller bounds how many tasks there are at a time;
/// threads that were idle for kIdleMax end. Thread-safe.
class BackgroundThreads {
 public:
  BackgroundThreads() = default;
  /// Runs what was given, and waits for all threads. Not called on one of them.
  ~BackgroundThreads();
  BackgroundThreads(const BackgroundThreads&) = delete;
  BackgroundThreads& operator=(const BackgroundThreads&) = delete;

  /// `task` must not throw. Throws std::system_error when no thread can be started; the task then never runs.
  void run(std::function<void()> task);

 private:
  void work();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::condition_variable ended_;
  std::deque<std::function<void()>> tasks_;
  size_t idle_ = 0;
  size_t threads_ = 0;
  bool stopping_ = false;
};

}  // namespace weir
