#include "server/query_request.h"

#include <algorithm>
#include <charconv>
#include <span>

#include <nlohmann/json.hpp>
#include <utf8proc.h>

#include "base/nearest.h"
#include "server/json_body.h"
#include "server/media_type.h"

namespace weir::server {
namespace {

using engine::QueryLimits;
using engine::QueryRequest;

std::unexpected<Error> kql_not_built() {
  return fail(ErrorCode::not_available_yet, "query language KQL is not built yet", "Write the query in SQL.");
}

bool is_utf8(std::string_view text) {
  const auto* next = reinterpret_cast<const utf8proc_uint8_t*>(text.data());
  auto left = static_cast<utf8proc_ssize_t>(text.size());
  while (left > 0) {
    utf8proc_int32_t character = 0;
    const utf8proc_ssize_t length = utf8proc_iterate(next, left, &character);
    if (length <= 0) return false;
    next += length;
    left -= length;
  }
  return true;
}

std::unexpected<Error> wrong_type(std::string_view member, std::string_view wanted) {
  return fail(ErrorCode::invalid_option, "query option " + std::string(member) + " is not " + std::string(wanted));
}

Result<std::string> text_member(const nlohmann::json& value, std::string_view name) {
  if (!value.is_string()) return wrong_type(name, "a text");
  return value.get<std::string>();
}

Result<uint64_t> count_member(const nlohmann::json& value, std::string_view name) {
  if (!value.is_number_unsigned() || value.get<uint64_t>() > INT64_MAX)
    return wrong_type(name, "a whole number of 0 or more");
  return value.get<uint64_t>();
}

Status check_language(const std::string& language) {
  if (language == "sql") return {};
  if (language == "kql") return kql_not_built();
  return fail(ErrorCode::invalid_option, "unknown query language '" + language + "'", "Use sql.");
}

Status take_params(const nlohmann::json& value, QueryRequest& request) {
  if (!value.is_array() && !value.is_object()) return wrong_type("params", "an array or an object");
  request.params = value;
  return {};
}

/// One member of the JSON form.
struct Member {
  std::string_view name;
  Status (*take)(const nlohmann::json& value, QueryRequest& request);
};

constexpr Member kMembers[] = {
    {"query",
     [](const nlohmann::json& value, QueryRequest& request) -> Status {
       request.text = WEIR_TRY(text_member(value, "query"));
       return {};
     }},
    {"language",
     [](const nlohmann::json& value, QueryRequest&) -> Status {
       return check_language(WEIR_TRY(text_member(value, "language")));
     }},
    {"params", take_params},
    {"max_rows",
     [](const nlohmann::json& value, QueryRequest& request) -> Status {
       request.limits.rows_max = WEIR_TRY(count_member(value, "max_rows"));
       return {};
     }},
    {"timeout_ms",
     [](const nlohmann::json& value, QueryRequest& request) -> Status {
       request.limits.time_max = std::chrono::milliseconds(WEIR_TRY(count_member(value, "timeout_ms")));
       return {};
     }},
    {"min_freshness_ms",
     [](const nlohmann::json& value, QueryRequest& request) -> Status {
       request.limits.freshness_min = std::chrono::milliseconds(WEIR_TRY(count_member(value, "min_freshness_ms")));
       return {};
     }},
    {"min_lsn",
     [](const nlohmann::json& value, QueryRequest& request) -> Status {
       request.limits.position_min = WEIR_TRY(text_member(value, "min_lsn"));
       return {};
     }},
    {"partial",
     [](const nlohmann::json& value, QueryRequest& request) -> Status {
       if (!value.is_boolean()) return wrong_type("partial", "true or false");
       request.limits.partial_allowed = value.get<bool>();
       return {};
     }},
};

Status take_member(const std::string& name, const nlohmann::json& value, QueryRequest& request) {
  const auto* const member = std::ranges::find(kMembers, name, &Member::name);
  if (member != std::end(kMembers)) return member->take(value, request);
  std::vector<std::string> known;
  for (const Member& each : kMembers) known.emplace_back(each.name);
  return fail(ErrorCode::unknown_option, "unknown query option '" + name + "'", did_you_mean(name, known));
}

Status read_json_form(std::string_view body, QueryRequest& request) {
  const nlohmann::json document = WEIR_TRY(parse_json_object(body));
  for (const auto& [name, value] : document.items()) WEIR_TRY(take_member(name, value, request));
  return {};
}

Status read_text_form(const std::string& body, QueryRequest& request) {
  if (!is_utf8(body)) return fail(ErrorCode::invalid_request, "query is not in UTF-8");
  request.text = body;
  return {};
}

/// A limit of the query string as the JSON form would have it.
Result<nlohmann::json> parameter_value(const std::string& name, const std::string& text) {
  if (name == "partial") {
    if (text != "true" && text != "false") return wrong_type(name, "true or false");
    return text == "true";
  }
  if (name == "min_lsn") return text;
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return wrong_type(name, "a whole number of 0 or more");
  return number;
}

}  // namespace

Result<QueryRequest> parse_query_request(const Call& call) {
  const std::string type = media_type(call.request.fields.find("Content-Type"));
  if (type == "application/x-kql") return kql_not_built();
  QueryRequest request;
  request.principal = call.principal;
  WEIR_TRY(type == "application/json" ? read_json_form(call.request.body, request)
                                      : read_text_form(call.request.body, request));
  for (const auto& [name, text] : call.parameters) {
    WEIR_TRY(take_member(name, WEIR_TRY(parameter_value(name, text)), request));
  }
  if (request.text.find_first_not_of(" \t\r\n") == std::string::npos) {
    return fail(ErrorCode::invalid_request, "query is empty",
                "Send the text as the body, or as \"query\" of a JSON object.");
  }
  return request;
}

}  // namespace weir::server
