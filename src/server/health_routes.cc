#include <nlohmann/json.hpp>

#include "server/errors.h"
#include "server/routes.h"

namespace weir::server {
namespace {

Response health() { return json_response(200, {{"status", "ok"}, {"version", WEIR_VERSION}}); }

/// The lake is attached before a server is opened, so stopping is the only reason not to be ready.
Response ready(bool draining) {
  if (!draining) return json_response(200, {{"status", "ready"}, {"reasons", nlohmann::json::array()}});
  return json_response(503, {{"status", "not_ready"}, {"reasons", {"draining"}}});
}

Response metrics_text(const telemetry::Metrics& metrics) {
  Response response;
  response.fields.add("Content-Type", "text/plain; version=0.0.4; charset=utf-8");
  response.body = metrics.text();
  return response;
}

}  // namespace

void add_health_routes(Router& router, const telemetry::Metrics& metrics, const std::atomic<bool>& draining) {
  router.add({.method = "GET",
              .pattern = "/health",
              .access = Access::open,
              .handler = [](const Call&, Client&) { return health(); },
              .while_draining = true});
  router.add({.method = "GET",
              .pattern = "/ready",
              .access = Access::open,
              .handler = [&draining](const Call&, Client&) { return ready(draining); },
              .while_draining = true});
  router.add({.method = "GET",
              .pattern = "/metrics",
              .access = Access::metrics,
              .handler = [&metrics](const Call&, Client&) { return metrics_text(metrics); },
              .while_draining = true});
}

}  // namespace weir::server
