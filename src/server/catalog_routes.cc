#include <nlohmann/json.hpp>

#include "server/errors.h"
#include "server/routes.h"

namespace weir::server {

void add_catalog_routes(Router& router, engine::Engine& engine) {
  router.add({.method = "GET",
              .pattern = "/v1/catalog/schema",
              .access = Access::read,
              .handler = [&engine](const Call& call, Client&) -> Result<Response> {
                return json_response(200, WEIR_TRY(engine.catalog_schema(call.principal)));
              }});
}

}  // namespace weir::server
