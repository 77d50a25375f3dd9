#include "server/api.h"

#include <algorithm>
#include <new>
#include <typeinfo>

#include <fmt/format.h>

#include "base/nearest.h"
#include "server/browser_guard.h"
#include "server/errors.h"
#include "server/media_type.h"
#include "telemetry/log.h"
#include "telemetry/method_label.h"

namespace weir::server {
namespace {

constexpr size_t kLoggedPathMax = 256;

Status check_parameters(const Route& route, const Parameters& parameters) {
  for (const auto& [name, value] : parameters) {
    if (std::ranges::find(route.parameters, name) != route.parameters.end()) continue;
    return fail(ErrorCode::unknown_option, "unknown parameter '" + name + "'", did_you_mean(name, route.parameters));
  }
  return {};
}

Status check_role(const engine::Principal& principal, engine::Role needed) {
  if (principal.role >= needed) return {};
  return fail(ErrorCode::statement_not_allowed,
              fmt::format("role of the token is {}, needed is {}", engine::to_string(principal.role),
                          engine::to_string(needed)));
}

engine::Role role_needed(Access access) {
  if (access == Access::admin) return engine::Role::admin;
  return access == Access::write ? engine::Role::write : engine::Role::read;
}

/// Without the query string, whose values may be secrets that were sent to the wrong place.
std::string logged_path(const Request& request) {
  std::string text = request.path.substr(0, kLoggedPathMax);
  if (request.path.size() > kLoggedPathMax) text += "…";
  if (!request.query_string.empty()) text += "?…";
  return text;
}

}  // namespace

class Api::ApiExchange final : public Exchange {
 public:
  ApiExchange(Api& api, std::optional<Request> head, const std::string& peer)
      : api_(api), peer_(peer), started_(std::chrono::steady_clock::now()) {
    if (head) call_.request = std::move(*head);
    call_.principal = {"nobody", engine::Role::read, {}};  // until `authenticate` knows better
    call_.request_id = request_id_of(call_.request.fields);
  }

  std::optional<Response> refuse() override;
  Response fault(const Fault& fault) override { return refusal(fault.error, fault.status); }
  Response answer(std::string body, Client& client) override;
  void finished(const Outcome& outcome) override;

 private:
  Status admit();
  Status authenticate();
  Result<Response> run(Client& client) const;
  Response no_route(const std::string& allow) const;
  Response refusal(const Error& error, int status = 0) const;
  Response decorated(Response response) const;

  Api& api_;
  std::string peer_;
  std::chrono::steady_clock::time_point started_;
  Call call_;
  const Route* route_ = nullptr;
};

std::optional<Response> Api::ApiExchange::refuse() {
  auto found = api_.router_.find(call_.request.method, call_.request.path);
  if (!found) return refusal(found.error());
  if (found->route == nullptr) return no_route(found->allow);
  route_ = found->route;
  call_.path = std::move(found->path);
  if (const Status admitted = admit(); !admitted) return refusal(admitted.error());
  if (route_->body_types.empty()) return std::nullopt;
  const Status typed = check_media_type(call_.request.fields.find("Content-Type"), route_->body_types);
  return typed ? std::nullopt : std::optional(refusal(typed.error(), 415));
}

Response Api::ApiExchange::no_route(const std::string& allow) const {
  const std::string asked = call_.request.method + " " + call_.request.path.substr(0, kLoggedPathMax);
  if (allow.empty()) return refusal({ErrorCode::route_not_found, "no route answers " + asked, {}, {}});
  Response response = refusal({ErrorCode::route_not_found, "no route answers " + asked, "Use " + allow + ".", {}}, 405);
  response.fields.add("Allow", allow);
  return response;
}

Status Api::ApiExchange::admit() {
  WEIR_TRY(authenticate());
  if (api_.draining_ && !route_->while_draining) {
    return fail(ErrorCode::shutting_down, "server is stopping and takes no new work");
  }
  call_.parameters = WEIR_TRY(parse_parameters(call_.request.query_string));
  return check_parameters(*route_, call_.parameters);
}

Status Api::ApiExchange::authenticate() {
  const Fields& fields = call_.request.fields;
  if (!api_.doors_.tokens) {
    WEIR_TRY(check_not_from_web_page(fields));
    call_.principal = engine::Principal{};
    return {};
  }
  const Access access = route_->access;
  if (access == Access::open || (access == Access::metrics && api_.doors_.loopback)) return {};
  call_.principal = WEIR_TRY(api_.doors_.tokens->authenticate(fields.find("Authorization")));
  return check_role(call_.principal, role_needed(access));
}

Response Api::ApiExchange::answer(std::string body, Client& client) {
  call_.request.body = std::move(body);
  Result<Response> response = run(client);
  return response ? decorated(std::move(*response)) : refusal(response.error());
}

/// The last place where a defect below becomes an answer. The text of a foreign exception may hold anything, so only
/// its kind is told, and only to the log.
Result<Response> Api::ApiExchange::run(Client& client) const {
  try {
    return route_->handler(call_, client);
  } catch (const std::bad_alloc&) {
    return fail(ErrorCode::out_of_memory, "request needs more memory than there is");
  } catch (const std::exception& defect) {
    telemetry::log(telemetry::Level::error, "http_handler_failed",
                   {{"request_id", call_.request_id},
                    {"route", std::string(route_->pattern)},
                    {"exception", typeid(defect).name()}});
    return fail(ErrorCode::internal, "request failed on a defect of the server");
  }
}

Response Api::ApiExchange::refusal(const Error& error, int status) const {
  return decorated(error_response(error, call_.request_id, status));
}

/// What every response carries.
Response Api::ApiExchange::decorated(Response response) const {
  response.fields.add("X-Request-ID", call_.request_id);
  response.fields.add("X-Content-Type-Options", "nosniff");
  response.fields.add("Cache-Control", "no-store");
  return response;
}

void Api::ApiExchange::finished(const Outcome& outcome) {
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - started_;
  const std::string route(route_ == nullptr ? "unmatched" : route_->pattern);
  api_.metrics_.http_request(route, call_.request.method, outcome.status, elapsed.count());
  telemetry::log(telemetry::Level::info, "http_request",
                 {{"request_id", call_.request_id},
                  {"peer", peer_},
                  {"principal", call_.principal.name},
                  {"method", telemetry::method_label(call_.request.method)},
                  {"path", logged_path(call_.request)},
                  {"status", std::to_string(outcome.status)},
                  {"delivered", outcome.delivered ? "yes" : "no"},
                  {"bytes_sent", std::to_string(outcome.bytes_sent)},
                  {"duration_ms", fmt::format("{:.1f}", elapsed.count() * 1000)}});
}

std::unique_ptr<Exchange> Api::begin(std::optional<Request> head, const std::string& peer) {
  return std::make_unique<ApiExchange>(*this, std::move(head), peer);
}

}  // namespace weir::server
