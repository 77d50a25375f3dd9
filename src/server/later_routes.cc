#include "server/routes.h"

namespace weir::server {
namespace {

struct LaterRoute {
  std::string_view method;
  std::string_view pattern;
  Access access;
};

constexpr LaterRoute kPipelineRoutes[] = {
    {"GET", "/v1/pipelines", Access::read},          {"POST", "/v1/pipelines", Access::write},
    {"GET", "/v1/pipelines/{id}", Access::read},     {"PATCH", "/v1/pipelines/{id}", Access::write},
    {"DELETE", "/v1/pipelines/{id}", Access::write},
};

}  // namespace

RouteHandler not_available_yet(std::string_view what) {
  return [what](const Call&, Client&) -> Result<Response> {
    return fail(ErrorCode::not_available_yet, std::string(what));
  };
}

void add_later_routes(Router& router) {
  router.add({"POST", "/v1/ingest", Access::write, not_available_yet("ingest over HTTP is not built yet")});
  for (const LaterRoute& route : kPipelineRoutes) {
    router.add({route.method, route.pattern, route.access, not_available_yet("pipelines are not built yet")});
  }
}

}  // namespace weir::server
