/// A file descriptor that wakes another thread.
#pragma once

#include <cstdint>

#include <sys/eventfd.h>
#include <unistd.h>

#include "base/descriptor.h"

namespace weir::server {

/// Ends another thread's poll(): its descriptor is readable from `notify` until `clear`.
class Wakeup {
 public:
  Wakeup() : event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}
  /// False when the process has no descriptor left.
  explicit operator bool() const { return static_cast<bool>(event_); }
  int descriptor() const { return event_.get(); }
  /// From any thread or signal handler.
  void notify() const {
    const uint64_t one = 1;
    // Fails only when the counter is full, and then the descriptor is readable anyway.
    [[maybe_unused]] const ssize_t written = ::write(event_.get(), &one, sizeof one);
  }
  void clear() const {
    uint64_t count = 0;
    [[maybe_unused]] const ssize_t read = ::read(event_.get(), &count, sizeof count);
  }

 private:
  Descriptor event_;
};

}  // namespace weir::server
