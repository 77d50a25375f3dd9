/// The HTTP API of docs/rest-api.md. The only folder that includes the HTTP library.
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>

#include "base/result.h"
#include "connector/fleet.h"
#include "engine/engine.h"
#include "telemetry/metrics.h"

namespace weir::server {

struct ServerOptions {
  std::string listen = "127.0.0.1:8080";  ///< HOST:PORT; port 0 takes a free one
  std::filesystem::path token_file;       ///< empty: no tokens, loopback only
  int connections_max = 256;
  uint64_t body_bytes_max = 16u << 20;
  std::chrono::milliseconds read_timeout{30'000};   ///< for a request's head and body
  std::chrono::milliseconds write_timeout{60'000};  ///< a client that takes nothing for so long is dropped
  std::chrono::milliseconds drain_limit{30'000};    ///< running queries may finish for so long after SIGTERM
};

/// Thread-safe.
class Server {
 public:
  /// Binds and listens. Errors: invalid_option (address, token file, no tokens on a public address), io_error (in use).
  static Result<std::unique_ptr<Server>> open(const ServerOptions& options, connector::Fleet& fleet,
                                              engine::Engine& engine, telemetry::Metrics& metrics);
  virtual ~Server() = default;
  /// "127.0.0.1:8080", with the real port.
  virtual std::string address() const = 0;
  /// Serves until `stop` was called, then takes no new work, drains, and returns.
  virtual void run() = 0;
  /// From any thread, also from a signal-handling one.
  virtual void stop() = 0;
};

}  // namespace weir::server
