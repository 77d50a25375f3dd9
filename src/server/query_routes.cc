#include <algorithm>

#include <nlohmann/json.hpp>

#include "server/errors.h"
#include "server/media_type.h"
#include "server/query_answer.h"
#include "server/query_request.h"
#include "server/routes.h"

namespace weir::server {
namespace {

using engine::Engine;

Result<Response> run(Engine& engine, const Call& call, Client& client) {
  const auto format = choose_format(call.request.fields.find("Accept"));
  if (!format) return error_response(format.error(), call.request_id, 406);
  auto request = WEIR_TRY(parse_query_request(call));
  auto answer = std::make_unique<QueryAnswer>(*format, call.request_id, client);
  WEIR_TRY(answer->start(engine, std::move(request)));
  const std::string id = answer->query_id();
  const Status begun = answer->begin();
  Response response = begun ? Response{} : error_response(begun.error(), call.request_id);
  response.fields.add("X-Weir-Query-Id", id);
  if (!begun) return response;
  response.fields.add("Content-Type", std::string(format::content_type(*format)));
  response.stream = std::move(answer);
  return response;
}

nlohmann::json to_document(const engine::QueryLine& line) {
  return {{"id", line.id},
          {"text", line.text},
          {"principal", line.principal},
          {"state", line.state},
          {"started_at", line.started_at},
          {"elapsed_ms", line.elapsed_ms},
          {"error_code", line.error_code.empty() ? nlohmann::json(nullptr) : nlohmann::json(line.error_code)},
          {"summary", line.summary}};
}

/// Texts of queries hold data, so everybody but an admin sees only what was asked with the same token.
bool may_see(const engine::Principal& principal, const engine::QueryLine& line) {
  return principal.role == engine::Role::admin || line.principal == principal.name;
}

Response list(Engine& engine, const Call& call) {
  nlohmann::json items = nlohmann::json::array();
  for (const engine::QueryLine& line : engine.queries()) {
    if (may_see(call.principal, line)) items.push_back(to_document(line));
  }
  return json_response(200, {{"items", std::move(items)}});
}

Result<Response> cancel(Engine& engine, const Call& call) {
  const std::string& id = call.path.find("id")->second;
  const auto lines = engine.queries();
  const bool visible = std::ranges::any_of(
      lines, [&](const engine::QueryLine& line) { return line.id == id && may_see(call.principal, line); });
  if (!visible) return fail(ErrorCode::query_not_found, "no query has the id " + id);
  WEIR_TRY(engine.cancel(id));
  Response response;
  response.status = 204;
  return response;
}

}  // namespace

void add_query_routes(Router& router, Engine& engine) {
  router.add({.method = "POST",
              .pattern = "/v1/query",
              .access = Access::read,
              .handler = [&engine](const Call& call, Client& client) { return run(engine, call, client); },
              .parameters = {"max_rows", "timeout_ms", "partial", "min_freshness_ms", "min_lsn"},
              .body_types = {"application/sql", "application/json", "application/x-kql"}});
  router.add({.method = "GET",
              .pattern = "/v1/queries",
              .access = Access::read,
              .handler = [&engine](const Call& call, Client&) { return list(engine, call); },
              .while_draining = true});
  router.add({.method = "DELETE",
              .pattern = "/v1/queries/{id}",
              .access = Access::read,
              .handler = [&engine](const Call& call, Client&) { return cancel(engine, call); },
              .while_draining = true});
}

}  // namespace weir::server
