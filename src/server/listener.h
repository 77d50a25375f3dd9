/// The address a server listens on.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "server/socket.h"

namespace weir::server {

/// Whether `address` (IPv4 or IPv6, without brackets) is one that only this machine reaches.
bool is_loopback(std::string_view address);

/// A listening socket.
class Listener {
 public:
  /// `listen` is HOST:PORT; HOST is a name (its first IPv4 address is taken), an IPv4 address or an IPv6 address in
  /// brackets; port 0 takes a free one. Errors: invalid_option (form, unknown host), io_error (in use, not ours).
  static Result<Listener> open(std::string_view listen);

  /// The client that waits longest, if one waits. `exhausted` is set when the process has no descriptor left for it.
  std::optional<Socket> accept(bool& exhausted) const;
  int descriptor() const { return descriptor_.get(); }
  /// "127.0.0.1:8080", "[::1]:8080".
  std::string text() const;
  bool loopback() const { return is_loopback(host_); }

 private:
  Listener(Descriptor descriptor, std::string host, int port)
      : descriptor_(std::move(descriptor)), host_(std::move(host)), port_(port) {}

  Descriptor descriptor_;
  std::string host_;
  int port_;
};

}  // namespace weir::server
