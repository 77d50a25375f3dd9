/// Requests and responses as plain values, so that routes are ordinary code. What goes over the wire: http_wire.h.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace weir::server {

/// Header fields in the order they were added; names compare without regard to letter case.
class Fields {
 public:
  void add(std::string name, std::string value) { fields_.emplace_back(std::move(name), std::move(value)); }
  /// The first value of `name`, or null.
  const std::string* find(std::string_view name) const;
  size_t count(std::string_view name) const;
  auto begin() const { return fields_.begin(); }
  auto end() const { return fields_.end(); }

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

/// `path` and `query_string` are as sent, still percent-encoded.
struct Request {
  std::string method;
  std::string path;
  std::string query_string;
  int version = 11;  ///< 10 or 11
  Fields fields;
  std::string body;
  std::string peer;  ///< the client's address without its port
};

/// A body that is made while it is sent. The connection asks for a piece only when the one before has been taken by
/// the socket, so a slow client holds the producer back.
class BodyStream {
 public:
  enum class Piece : uint8_t {
    more,
    last,    ///< the body is complete with this piece
    broken,  ///< it ends early; the connection is closed in a way that a client can notice
  };
  virtual ~BodyStream() = default;
  /// Appends the next piece to `out`.
  virtual Piece next(std::string& out) = 0;
};

struct Response {
  int status = 200;
  Fields fields;
  std::string body;  ///< used when `stream` is empty
  std::unique_ptr<BodyStream> stream;
};

/// Ends, when destroyed, what it stands for; afterwards its callback does not run and is not running.
class Watch {
 public:
  virtual ~Watch() = default;
};

/// Who waits for the answer.
class Client {
 public:
  virtual ~Client() = default;
  /// Calls `gone` at most once, from another thread, when the client has closed its connection.
  virtual std::unique_ptr<Watch> when_gone(std::function<void()> gone) = 0;
};

using Parameters = std::map<std::string, std::string, std::less<>>;

/// "%41b" → "Ab". Errors: invalid_request for an incomplete escape.
Result<std::string> percent_decode(std::string_view text, bool plus_is_space);
/// "a=1&b=x%20y" → {a: "1", b: "x y"}. Errors: invalid_request for an escape or a name that is given twice.
Result<Parameters> parse_parameters(std::string_view query_string);
bool equals_ignoring_case(std::string_view a, std::string_view b);
/// `text` without spaces and tabs at its ends.
std::string_view trimmed(std::string_view text);

}  // namespace weir::server
