/// SIGINT and SIGTERM as calls on a thread of their own.
#pragma once

#include <functional>
#include <mutex>
#include <thread>
#include <utility>

namespace weir::cli {

/// Made first in `main`, before any other thread: it blocks both signals for the whole process. While nobody has asked
/// for them, they end the process as ever.
class Signals {
 public:
  Signals();
  ~Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  /// Gets the signal's number, on the thread of this object. False: the signal ends the process as ever.
  using Action = std::function<bool(int)>;

  /// Brings back what was done about signals before, when it goes.
  class Handling {
   public:
    Handling(Signals& signals, Action previous) : signals_(signals), previous_(std::move(previous)) {}
    ~Handling() { signals_.exchange(std::move(previous_)); }
    Handling(const Handling&) = delete;
    Handling& operator=(const Handling&) = delete;

   private:
    Signals& signals_;
    Action previous_;
  };

  /// Calls `action` for each signal until the answer goes. Ends of nested ones must be in reverse order.
  [[nodiscard]] Handling on_signal(Action action) { return Handling(*this, exchange(std::move(action))); }

 private:
  Action exchange(Action action);
  void wait_for_signals();

  std::mutex mutex_;
  Action action_;
  int signal_fd_ = -1, stop_fd_ = -1;
  std::thread thread_;
};

}  // namespace weir::cli
