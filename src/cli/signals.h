/// SIGINT and SIGTERM as calls on a thread of their own.
#pragma once

#include <functional>
#include <mutex>
#include <thread>

namespace weir::cli {

/// Made first in `main`, before any other thread: it blocks both signals for the whole process. While nobody has asked
/// for them, they end the process as ever.
class Signals {
 public:
  Signals();
  ~Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  /// Ends the redirection of signals when it goes.
  class Handling {
   public:
    explicit Handling(Signals& signals) : signals_(signals) {}
    ~Handling() { signals_.handle({}); }
    Handling(const Handling&) = delete;
    Handling& operator=(const Handling&) = delete;

   private:
    Signals& signals_;
  };

  /// Calls `action` with the signal's number, from the thread of this object, until the answer goes. One at a time.
  [[nodiscard]] Handling on_signal(std::function<void(int)> action) {
    handle(std::move(action));
    return Handling(*this);
  }

 private:
  void handle(std::function<void(int)> action);
  void wait_for_signals();

  std::mutex mutex_;
  std::function<void(int)> action_;
  int signal_fd_ = -1, stop_fd_ = -1;
  std::thread thread_;
};

}  // namespace weir::cli
