/// The API: finds a request's route, decides whether it may, runs it, and writes the access log.
#pragma once

#include <atomic>
#include <memory>
#include <optional>

#include "server/router.h"
#include "server/service.h"
#include "server/tokens.h"
#include "telemetry/metrics.h"

namespace weir::server {

/// How the server can be reached.
struct Doors {
  std::optional<Tokens> tokens;  ///< nothing: everybody is admin
  bool loopback = true;          ///< only this machine reaches the address
};

class Api final : public Service {
 public:
  /// All but `doors` and `router` are borrowed.
  Api(Doors doors, Router router, telemetry::Metrics& metrics, const std::atomic<bool>& draining)
      : doors_(std::move(doors)), router_(std::move(router)), metrics_(metrics), draining_(draining) {}

  std::unique_ptr<Exchange> begin(std::optional<Request> head, const std::string& peer) override;
  bool closing() const override { return draining_; }

 private:
  class ApiExchange;

  const Doors doors_;
  const Router router_;
  telemetry::Metrics& metrics_;
  const std::atomic<bool>& draining_;
};

}  // namespace weir::server
