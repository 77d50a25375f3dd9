#include <nlohmann/json.hpp>

#include "server/errors.h"
#include "server/routes.h"

namespace weir::server {
namespace {

Response health() { return json_response(200, {{"status", "ok"}, {"version", WEIR_VERSION}}); }

/// The lake is attached before a server is opened, so these are the only reasons not to be ready.
/// Whoever asks needs no token, so no connector is named.
Response ready(bool draining, bool engine_stopped, bool sync_stalled) {
  nlohmann::json reasons = nlohmann::json::array();
  if (draining) reasons.push_back("draining");
  if (engine_stopped) reasons.push_back("engine_stopped");
  if (sync_stalled) reasons.push_back("sync_stalled");
  if (reasons.empty()) return json_response(200, {{"status", "ready"}, {"reasons", std::move(reasons)}});
  return json_response(503, {{"status", "not_ready"}, {"reasons", std::move(reasons)}});
}

Response metrics_text(const telemetry::Metrics& metrics) {
  Response response;
  response.fields.add("Content-Type", "text/plain; version=0.0.4; charset=utf-8");
  response.body = metrics.text();
  return response;
}

}  // namespace

void add_health_routes(Router& router, const telemetry::Metrics& metrics, const engine::Engine& engine,
                       const connector::Fleet& fleet, const std::atomic<bool>& draining) {
  router.add({.method = "GET",
              .pattern = "/health",
              .access = Access::open,
              .handler = [](const Call&, Client&) { return health(); },
              .while_draining = true});
  router.add(
      {.method = "GET",
       .pattern = "/ready",
       .access = Access::open,
       .handler = [&](const Call&, Client&) { return ready(draining, engine.stopped(), !fleet.stalled().empty()); },
       .while_draining = true});
  router.add({.method = "GET",
              .pattern = "/metrics",
              .access = Access::metrics,
              .handler = [&metrics](const Call&, Client&) { return metrics_text(metrics); },
              .while_draining = true});
}

}  // namespace weir::server
