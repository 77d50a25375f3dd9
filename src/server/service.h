/// What a connection asks of the API: the seam between bytes and meaning.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "server/http.h"
#include "server/http_wire.h"

namespace weir::server {

/// How sending an answer ended, for the access log.
struct Outcome {
  int status = 0;
  uint64_t bytes_sent = 0;
  bool delivered = false;  ///< false: the client was gone, or the answer broke off
};

/// One request and its answer.
class Exchange {
 public:
  virtual ~Exchange() = default;
  /// Decides on the head alone, so that nobody may make us read a body for nothing.
  virtual std::optional<Response> refuse() = 0;
  /// The answer to a request whose body could not be read.
  virtual Response fault(const Fault& fault) = 0;
  virtual Response answer(std::string body, Client& client) = 0;
  /// Called last, once.
  virtual void finished(const Outcome& outcome) = 0;
};

/// Thread-safe; exchanges belong to one thread each.
class Service {
 public:
  virtual ~Service() = default;
  /// Begins the exchange for a head that was read; nothing for one that could not be.
  virtual std::unique_ptr<Exchange> begin(std::optional<Request> head, const std::string& peer) = 0;
  /// Whether connections shall be closed after the next answer.
  virtual bool closing() const = 0;
};

}  // namespace weir::server
