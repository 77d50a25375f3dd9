/// HTTP/1.x as bytes. The only file that knows the HTTP library.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "server/http.h"

namespace weir::server {

/// A request that cannot be answered as asked: the answer's status, which `error` alone does not tell.
struct Fault {
  int status = 400;
  Error error;
};

/// Reads one request from bytes as they come.
class RequestParser {
 public:
  enum class State : uint8_t { more, head, done };

  /// Limits: the head's bytes with its blank line; the body's bytes.
  RequestParser(size_t head_bytes_max, uint64_t body_bytes_max);
  ~RequestParser();

  /// Takes from the front of `bytes` what belongs to this request. Answers `head` once, when the head is complete and
  /// a body follows; `done` when nothing more belongs to the request; `more` when bytes are missing.
  /// Faults: 400 invalid_request (malformed), 431 invalid_request (head too large), 413 body_too_large.
  std::expected<State, Fault> parse(std::string& bytes);

  /// Of a complete head.
  Request take_head();
  /// Whether the client waits for "100 Continue" before it sends the body.
  bool expects_continue() const;
  /// Whether the client wants to send further requests on this connection.
  bool keep_alive() const;
  /// Of a request that is done.
  std::string take_body();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// How a body's length is told.
enum class Framing : uint8_t { length, chunked, until_close };

/// The status line and the fields, with Content-Length or Transfer-Encoding, Connection and Date added.
std::string render_head(const Response& response, Framing framing, bool keep_alive);
/// What goes before a chunk of `size` bytes; kChunkEnd goes after it.
std::string chunk_start(size_t size);
inline constexpr std::string_view kChunkEnd = "\r\n";
inline constexpr std::string_view kLastChunk = "0\r\n\r\n";
inline constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

}  // namespace weir::server
