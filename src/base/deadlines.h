/// One thread that acts for others when their time is over, wherever they are: computing, reading or waiting.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <thread>

namespace weir {

/// Thread-safe.
class Deadlines {
 public:
  Deadlines();
  Deadlines(const Deadlines&) = delete;
  Deadlines& operator=(const Deadlines&) = delete;

  /// Calls `act` after `limit`, unless `owner` is gone by then; it is kept during the call. `act` must return soon and
  /// not throw.
  void add(std::chrono::milliseconds limit, std::weak_ptr<void> owner, std::function<void()> act);

 private:
  struct Deadline {
    std::weak_ptr<void> owner;
    std::function<void()> act;
  };
  using Clock = std::chrono::steady_clock;

  void watch(const std::stop_token& stop);

  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::multimap<Clock::time_point, Deadline> due_;
  std::jthread thread_;  ///< last: it uses everything above
};

}  // namespace weir
