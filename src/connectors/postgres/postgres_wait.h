/// Waiting on a socket with a deadline, so that a stop request from another thread ends the wait at once.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <stop_token>

namespace weir::postgres {

using Deadline = std::chrono::steady_clock::time_point;
inline constexpr Deadline kNoDeadline = Deadline::max();

/// One thread waits with it; any thread may request the stop. Holds one file descriptor when a stop is possible.
class Waiter {
 public:
  enum class Outcome : uint8_t { ready, timed_out, stopped };

  explicit Waiter(std::stop_token stop = {});
  ~Waiter();
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;

  /// Waits for `events` (of poll(2)) on `socket`. A failed socket counts as ready: the next read says why.
  Outcome wait(int socket, short events, Deadline deadline);
  /// Lets time pass. Answers `timed_out`, or `stopped` early.
  Outcome pause(std::chrono::microseconds duration);

  bool stopped() const { return stop_.stop_requested(); }
  const std::stop_token& token() const { return stop_; }

 private:
  const std::stop_token stop_;
  int wake_up_ = -1;  // an eventfd
  std::optional<std::stop_callback<std::function<void()>>> on_stop_;
};

}  // namespace weir::postgres
