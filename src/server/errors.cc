#include "server/errors.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "base/ids.h"

namespace weir::server {
namespace {

constexpr size_t kRequestIdMax = 128;

bool is_id_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

/// Seconds after which another try makes sense; 0: the answer does not say.
int retry_after_seconds(ErrorCode code) {
  switch (code) {
    case ErrorCode::too_many_requests:
    case ErrorCode::pool_exhausted:
      return 1;
    case ErrorCode::shutting_down:
      return 5;
    default:
      return 0;
  }
}

}  // namespace

nlohmann::json error_object(const Error& error, const std::string& request_id) {
  const ErrorInfo& info = describe(error.code);
  // The message names the thing even for a reader who looks at nothing else.
  const std::string named = error.source.empty() || error.message.find(error.source) != std::string::npos
                                ? error.message
                                : error.source + ": " + error.message;
  nlohmann::json object = {{"code", info.name},
                           {"message", named},
                           {"hint", error.hint.empty() ? std::string(info.action) : error.hint},
                           {"request_id", request_id}};
  if (!error.source.empty()) object["source"] = error.source;
  return object;
}

Response json_response(int status, const nlohmann::json& body) {
  Response response;
  response.status = status;
  response.fields.add("Content-Type", "application/json");
  // Names from foreign databases need not be UTF-8.
  response.body = body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
  return response;
}

Response error_response(const Error& error, const std::string& request_id, int status) {
  Response response = json_response(status != 0 ? status : describe(error.code).http_status,
                                    {{"error", error_object(error, request_id)}});
  if (response.status == 401) response.fields.add("WWW-Authenticate", "Bearer");
  if (const int seconds = retry_after_seconds(error.code)) {
    response.fields.add("Retry-After", std::to_string(seconds));
  }
  return response;
}

std::string request_id_of(const Fields& fields) {
  const std::string* sent = fields.find("X-Request-ID");
  const bool usable =
      sent != nullptr && !sent->empty() && sent->size() <= kRequestIdMax && std::ranges::all_of(*sent, is_id_character);
  return usable ? *sent : new_ordered_uuid();
}

}  // namespace weir::server
