/// One client's connection: requests in, answers out, one after the other.
#pragma once

#include <atomic>
#include <chrono>
#include <expected>
#include <optional>
#include <string>

#include "server/disconnect_watcher.h"
#include "server/http_wire.h"
#include "server/service.h"
#include "server/socket.h"

namespace weir::server {

struct ConnectionLimits {
  size_t head_bytes_max = 16384;
  uint64_t body_bytes_max = 0;
  std::chrono::milliseconds read_timeout{0};   ///< from a request's first byte to its last; idle connections, too
  std::chrono::milliseconds write_timeout{0};  ///< without any progress
};

/// `serve` and `refuse` run on the connection's own thread; the other calls come from any.
class Connection final : private Client {
 public:
  Connection(Socket socket, Service& service, DisconnectWatcher& watcher, const ConnectionLimits& limits)
      : socket_(std::move(socket)), service_(service), watcher_(watcher), limits_(limits) {}

  /// Answers requests until one side ends the connection.
  void serve();
  /// Answers one fault without reading anything.
  void refuse(const Fault& fault);

  /// Ends the connection now unless an answer is on its way; then right after that answer.
  void end_after_answer();
  /// Ends the connection now.
  void abort() { socket_.shutdown_both(); }

 private:
  enum class Next : uint8_t { again, close, linger };
  enum class Head : uint8_t { complete, with_body, none };

  std::unique_ptr<Watch> when_gone(std::function<void()> gone) override;
  Next serve_one();
  std::expected<Head, Fault> read_head(RequestParser& parser);
  std::expected<std::string, Fault> read_body(RequestParser& parser);
  std::expected<RequestParser::State, Fault> read_until_parsed(RequestParser& parser);
  Fault incomplete(Socket::Read read) const;
  Next answer_fault(const Fault& fault);
  Next answer(RequestParser& parser, Head head);
  Outcome send(Response& response, bool keep_alive);
  Outcome send_stream(Response& response, bool keep_alive);
  void linger();

  Socket socket_;
  Service& service_;
  DisconnectWatcher& watcher_;
  const ConnectionLimits& limits_;
  std::string pending_;         ///< bytes read beyond the request before
  bool head_only_ = false;      ///< the running request is HEAD
  int version_ = 11;            ///< of the running request
  Clock::time_point deadline_;  ///< for what is being read
  std::atomic<bool> reading_{true};
  std::atomic<bool> ending_{false};
};

}  // namespace weir::server
