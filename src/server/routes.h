/// The routes of docs/rest-api.md, by what they are about.
#pragma once

#include <atomic>

#include "connector/fleet.h"
#include "engine/engine.h"
#include "server/router.h"
#include "telemetry/metrics.h"

namespace weir::server {

void add_query_routes(Router& router, engine::Engine& engine);
void add_connector_routes(Router& router, connector::Fleet& fleet);
void add_catalog_routes(Router& router, engine::Engine& engine);
/// All but the router are borrowed for as long as it answers.
void add_health_routes(Router& router, const telemetry::Metrics& metrics, const engine::Engine& engine,
                       const connector::Fleet& fleet, const std::atomic<bool>& draining);
/// Routes of the design that answer not_available_yet.
void add_later_routes(Router& router);
RouteHandler not_available_yet(std::string_view what);

}  // namespace weir::server
