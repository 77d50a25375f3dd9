/// One thread that stops queries whose time is over, wherever they are: computing, reading or waiting.
#pragma once

#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <thread>

#include "engine/interruption.h"

namespace weir::engine {

/// Thread-safe.
class Deadlines {
 public:
  Deadlines();
  Deadlines(const Deadlines&) = delete;
  Deadlines& operator=(const Deadlines&) = delete;

  /// Stops `query` with `timeout` after `limit`, unless it is over by then.
  void add(std::chrono::milliseconds limit, std::weak_ptr<Interruption> query);

 private:
  struct Deadline {
    std::chrono::milliseconds limit;
    std::weak_ptr<Interruption> query;
  };
  using Clock = std::chrono::steady_clock;

  void watch(const std::stop_token& stop);

  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::multimap<Clock::time_point, Deadline> due_;
  std::jthread thread_;  ///< last: it uses everything above
};

}  // namespace weir::engine
