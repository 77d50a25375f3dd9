/// TCP sockets whose every wait has an end.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/descriptor.h"

namespace weir::server {

using Clock = std::chrono::steady_clock;

/// A connected socket. One thread reads and writes; `shutdown_*` may come from any.
class Socket {
 public:
  enum class Read : uint8_t { data, closed, timeout };

  /// Takes a connected descriptor and makes it non-blocking. `peer` is the other side's address.
  Socket(Descriptor descriptor, std::string peer);

  /// Waits until `deadline` for bytes and appends at most `bytes_max` of them to `out`.
  Read read(std::string& out, size_t bytes_max, Clock::time_point deadline) const;
  /// Sends all parts, in order. False: the other side is gone, or took nothing for as long as `patience`.
  bool send(std::span<const std::string_view> parts, std::chrono::milliseconds patience) const;

  void shutdown_reading() const;
  void shutdown_writing() const;
  void shutdown_both() const;

  const std::string& peer() const { return peer_; }
  int descriptor() const { return descriptor_.get(); }

 private:
  bool send_some(std::span<std::string_view>& left) const;

  Descriptor descriptor_;
  std::string peer_;
};

/// Waits until `descriptor` has one of `events` (those of poll()) or fails; false: `deadline` came first.
bool wait_for(int descriptor, short events, Clock::time_point deadline);

}  // namespace weir::server
