/// From the error envelope of a server back to an `Error`.
#include <algorithm>

#include <nlohmann/json.hpp>

#include "cli/http_client.h"

namespace weir::cli {
namespace {

std::string text(const nlohmann::json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

}  // namespace

Error error_of_envelope(const nlohmann::json& error) {
  const std::string name = text(error, "code");
  const auto table = error_table();
  const auto row = std::find_if(table.begin(), table.end(), [&](const ErrorInfo& info) { return info.name == name; });
  Error made{row == table.end() ? ErrorCode::internal : row->code, text(error, "message"), text(error, "hint"), {}};
  // A newer server may know codes that we do not.
  if (row == table.end()) made.message += " (" + name + ")";
  const std::string request_id = text(error, "request_id");
  if (made.code == ErrorCode::internal && !request_id.empty()) made.message += " (request " + request_id + ")";
  return made;
}

Error error_of_answer(long status, std::string_view body) {
  const auto answer = nlohmann::json::parse(body, nullptr, false);
  if (answer.is_object() && answer.contains("error") && answer["error"].is_object())
    return error_of_envelope(answer["error"]);
  return {ErrorCode::server_unreachable,
          "the server answered HTTP " + std::to_string(status) + " without saying why",
          "Check with --url that it is a Weir server and that no proxy stands in between.",
          {}};
}

}  // namespace weir::cli
