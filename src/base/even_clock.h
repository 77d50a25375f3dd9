/// The time of day for those who throw old things away.
#pragma once

#include <chrono>
#include <functional>
#include <mutex>
#include <optional>

namespace weir {

/// Does not jump forward when somebody sets the system's clock forward: what is young must not be taken for old. The
/// jump is believed `believed_after` later, when everything from before it is that old. Backward it follows at once.
/// Thread-safe.
class EvenClock {
 public:
  struct Clocks {
    std::function<std::chrono::system_clock::time_point()> day = std::chrono::system_clock::now;
    std::function<std::chrono::steady_clock::time_point()> steady = std::chrono::steady_clock::now;
  };
  explicit EvenClock(std::chrono::hours believed_after);
  EvenClock(std::chrono::hours believed_after, Clocks clocks);

  std::chrono::system_clock::time_point now();

 private:
  using Steady = std::chrono::steady_clock::time_point;

  const std::chrono::hours believed_after_;
  const Clocks clocks_;
  std::mutex mutex_;
  Steady seen_at_;                                  ///< when both clocks agreed, the last time
  std::chrono::system_clock::time_point seen_day_;  ///< and what the day was
  std::optional<Steady> ahead_since_;               ///< when the day was found to be ahead
};

}  // namespace weir
