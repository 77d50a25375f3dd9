/// Registering, changing and watching connectors. A token that is confined to schemas sees only the connectors among
/// them.
#include <algorithm>
#include <optional>
#include <stop_token>

#include <nlohmann/json.hpp>

#include "base/nearest.h"
#include "base/time.h"
#include "server/errors.h"
#include "server/json_body.h"
#include "server/routes.h"

namespace weir::server {
namespace {

using connector::Fleet;
using connector::Scope;
using FleetHandler = Result<Response> (*)(Fleet& fleet, const Call& call);

const std::string& connector_of(const Call& call) { return call.path.find("id")->second; }

nlohmann::json visible_connectors(const Fleet& fleet, const Call& call) {
  nlohmann::json visible = nlohmann::json::array();
  const nlohmann::json documents = fleet.list();
  for (const nlohmann::json& document : documents.at("items")) {
    if (call.principal.may_see(document.value("name", ""))) visible.push_back(document);
  }
  return visible;
}

/// The connector's document. A hidden connector answers as one that does not exist, and its name is offered to nobody
/// who may not see it.
Result<nlohmann::json> visible_connector(const Fleet& fleet, const Call& call) {
  const std::string& id_or_name = connector_of(call);
  auto document = fleet.get(id_or_name);
  if (document && call.principal.may_see(document->value("name", ""))) return document;
  if (!document && document.error().code != ErrorCode::connector_not_found) return document;
  std::vector<std::string> names;
  for (const nlohmann::json& visible : visible_connectors(fleet, call)) names.push_back(visible.value("name", ""));
  return fail(ErrorCode::connector_not_found, "no connector has the id or name '" + id_or_name + "'",
              did_you_mean(id_or_name, names));
}

Result<Response> create(Fleet& fleet, const Call& call) {
  const connector::Saved saved = WEIR_TRY(fleet.create(WEIR_TRY(parse_json_object(call.request.body))));
  Response response = json_response(201, {{"id", saved.id}, {"warnings", saved.warnings}});
  response.fields.add("Location", "/v1/connectors/" + saved.id);
  return response;
}

Result<Response> list(Fleet& fleet, const Call& call) {
  return json_response(200, {{"items", visible_connectors(fleet, call)}});
}

Result<Response> catalog(Fleet& fleet, const Call&) { return json_response(200, fleet.catalog()); }

Result<Response> test_connection(Fleet& fleet, const Call& call) {
  return json_response(200, WEIR_TRY(fleet.test(WEIR_TRY(parse_json_object(call.request.body)))));
}

Result<Response> get(Fleet& fleet, const Call& call) {
  return json_response(200, WEIR_TRY(visible_connector(fleet, call)));
}

Result<Response> change(Fleet& fleet, const Call& call) {
  WEIR_TRY(fleet.update(connector_of(call), WEIR_TRY(parse_json_object(call.request.body))));
  return json_response(200, WEIR_TRY(fleet.get(connector_of(call))));
}

Result<Response> remove(Fleet& fleet, const Call& call) {
  WEIR_TRY(fleet.remove(connector_of(call)));
  Response response;
  response.status = 204;
  return response;
}

Result<Scope> scope_of(const Call& call) {
  const auto given = call.parameters.find("scope");
  if (given == call.parameters.end() || given->second == "all") return Scope::all;
  if (given->second == "sync") return Scope::sync;
  if (given->second == "federation") return Scope::federation;
  return fail(ErrorCode::invalid_option, "unknown scope '" + given->second + "'", "Use all, sync or federation.");
}

Result<Response> pause(Fleet& fleet, const Call& call) {
  WEIR_TRY(fleet.pause(connector_of(call), WEIR_TRY(scope_of(call))));
  return json_response(200, WEIR_TRY(fleet.get(connector_of(call))));
}

Result<Response> resume(Fleet& fleet, const Call& call) {
  WEIR_TRY(fleet.resume(connector_of(call), WEIR_TRY(scope_of(call))));
  return json_response(200, WEIR_TRY(fleet.get(connector_of(call))));
}

Result<Response> resync(Fleet& fleet, const Call& call) {
  const auto table = call.parameters.find("table");
  if (table == call.parameters.end()) {
    return fail(ErrorCode::invalid_request, "resync needs a table", "Ask for ?table=public.users.");
  }
  WEIR_TRY(fleet.resync(connector_of(call), table->second));
  return json_response(202, WEIR_TRY(fleet.status(connector_of(call))));
}

/// A client that goes away ends it: it may take long, and reads the whole table from the source.
Result<Response> verify(Fleet& fleet, const Call& call, Client& client) {
  const auto table = call.parameters.find("table");
  if (table == call.parameters.end()) {
    return fail(ErrorCode::invalid_request, "verify needs a table", "Ask for ?table=public.users.");
  }
  std::stop_source gone;
  const auto watch = client.when_gone([&gone] { gone.request_stop(); });
  return json_response(200, WEIR_TRY(fleet.verify(connector_of(call), table->second, gone.get_token())));
}

Result<Response> status(Fleet& fleet, const Call& call) {
  WEIR_TRY(visible_connector(fleet, call));
  return json_response(200, WEIR_TRY(fleet.status(connector_of(call))));
}

Result<Response> events(Fleet& fleet, const Call& call) {
  WEIR_TRY(visible_connector(fleet, call));
  nlohmann::json items = nlohmann::json::array();
  for (const connector::Event& event : WEIR_TRY(fleet.events(connector_of(call)))) {
    items.push_back({{"at", iso8601_utc(event.at)},
                     {"table", event.table.empty() ? nlohmann::json(nullptr) : nlohmann::json(event.table)},
                     {"from", event.from},
                     {"to", event.to},
                     {"reason", event.reason}});
  }
  return json_response(200, {{"items", std::move(items)}});
}

RouteHandler on(Fleet& fleet, FleetHandler handler) {
  return [&fleet, handler](const Call& call, Client&) { return handler(fleet, call); };
}

}  // namespace

void add_connector_routes(Router& router, Fleet& fleet) {
  const std::vector<std::string> json = {"application/json"};
  const std::string_view all = "/v1/connectors";
  const std::string_view one = "/v1/connectors/{id}";
  router.add({"GET", all, Access::read, on(fleet, list)});
  router.add({"POST", all, Access::admin, on(fleet, create), {}, json});
  router.add({"GET", "/v1/connectors/catalog", Access::read, on(fleet, catalog)});
  router.add({"POST", "/v1/connectors/test-connection", Access::admin, on(fleet, test_connection), {}, json});
  router.add({"GET", one, Access::read, on(fleet, get)});
  router.add({"PATCH", one, Access::admin, on(fleet, change), {}, json});
  router.add({"DELETE", one, Access::admin, on(fleet, remove)});
  router.add({"POST", "/v1/connectors/{id}/pause", Access::admin, on(fleet, pause), {"scope"}});
  router.add({"POST", "/v1/connectors/{id}/resume", Access::admin, on(fleet, resume), {"scope"}});
  router.add({"POST", "/v1/connectors/{id}/resync", Access::admin, on(fleet, resync), {"table"}});
  router.add({"POST",
              "/v1/connectors/{id}/verify",
              Access::admin,
              [&fleet](const Call& call, Client& client) { return verify(fleet, call, client); },
              {"table"}});
  router.add({"GET", "/v1/connectors/{id}/status", Access::read, on(fleet, status)});
  router.add({"GET", "/v1/connectors/{id}/events", Access::read, on(fleet, events)});
}

}  // namespace weir::server
