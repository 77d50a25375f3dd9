#include "connector/connector_body.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "options/binding.h"

namespace weir::connector {
namespace {

using nlohmann::json;

// As long as an identifier of PostgreSQL.
constexpr size_t kNameLengthMax = 63;
// Catalogs and schemas that SQL already knows by these names.
constexpr std::array<std::string_view, 7> kReservedNames = {
    "weir", "memory", "system", "temp", "main", "information_schema", "pg_catalog"};

bool is_identifier(std::string_view name) {
  if (name.empty() || name.size() > kNameLengthMax || std::isdigit(static_cast<unsigned char>(name[0])) != 0)
    return false;
  return std::ranges::all_of(
      name, [](unsigned char letter) { return letter < 0x80 && (std::isalnum(letter) != 0 || letter == '_'); });
}

Status check_name(const std::string& name) {
  if (!is_identifier(name)) {
    return fail(
        ErrorCode::invalid_option,
        fmt::format("option name must be letters, digits and _, not a digit first, at most {} of them, got {}",
                    kNameLengthMax,
                    json(name.substr(0, kNameLengthMax + 1)).dump(-1, ' ', false, json::error_handler_t::replace)));
  }
  if (std::ranges::find(kReservedNames, folded_name(name)) == kReservedNames.end()) return {};
  return fail(ErrorCode::invalid_option,
              fmt::format("option name must not be a reserved catalog name, got \"{}\"", name),
              fmt::format("Reserved are: {}.", fmt::join(kReservedNames, ", ")));
}

Result<const Type*> type_of(const Registry& registry, const json& body) {
  if (!body.is_object()) {
    return fail(ErrorCode::invalid_option, fmt::format("connector must be a JSON object, got {}", body.type_name()));
  }
  const auto type = body.find("type");
  if (type == body.end() || !type->is_string()) {
    return fail(ErrorCode::invalid_option, "option type is required and must be a string", "For example: \"postgres\"");
  }
  return registry.find(type->get_ref<const std::string&>());
}

bool declares(const options::Group& group, std::string_view name) {
  return std::ranges::any_of(group.options, [&](const options::Option& option) { return option.name == name; });
}

// Before the other options are looked at: whoever asks for a sync should hear that, not of its unknown options.
Status check_mode(const Type& type, const json& body) {
  const auto given = body.find("mode");
  const bool is_text = given != body.end() && given->is_string();
  const auto mode = is_text ? mode_of(given->get_ref<const std::string&>()) : std::nullopt;
  if (mode && std::ranges::find(type.modes, *mode) == type.modes.end()) {
    return fail(ErrorCode::not_available_yet,
                fmt::format("mode '{}' is not available yet for type {}", to_string(*mode), type.name),
                "Register with \"mode\": \"federation\".");
  }
  if (body.contains("sync") && !body["sync"].is_null() && !declares(type.declared(), "sync")) {
    return fail(ErrorCode::not_available_yet, fmt::format("option sync is not available yet for type {}", type.name),
                "Leave sync out.");
  }
  return {};
}

std::vector<std::string> warnings_about(const options::Group& declared, const json& body) {
  std::vector<std::string> warnings;
  const json* tables = options::detail::find(body, "sync.tables");
  if (body.at("mode") == "federation" && tables != nullptr && !tables->empty()) {
    warnings.emplace_back("sync has no effect in mode 'federation'");
  }
  const json* tls = options::detail::find(body, "connection.tls");
  if (tls != nullptr && *tls == "disabled") {
    warnings.emplace_back("connection.tls is disabled: passwords and rows travel in clear text");
  }
  for (const std::string& path : options::plain_secrets(declared, body)) {
    warnings.push_back(
        path + " holds a secret in plain text, which is kept in state.db: use $env:NAME, $file:/path or ${NAME}");
  }
  return warnings;
}

}  // namespace

std::string folded_name(std::string_view name) {
  std::string folded(name);
  for (char& letter : folded) letter = static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
  return folded;
}

Result<CheckedBody> check_body(const Registry& registry, const options::SecretResolver& secrets, const json& body) {
  const Type* type = WEIR_TRY(type_of(registry, body));
  WEIR_TRY(check_mode(*type, body));
  json checked = WEIR_TRY(options::validate(type->declared(), body));
  const std::string name = checked.at("name");
  WEIR_TRY(check_name(name));
  WEIR_TRY(options::resolve_references(type->declared(), checked, secrets));
  const Mode mode = *mode_of(checked.at("mode").get_ref<const std::string&>());
  auto warnings = warnings_about(type->declared(), checked);
  return CheckedBody{type, Spec{"", name, std::string(type->name), mode, std::move(checked)}, std::move(warnings)};
}

}  // namespace weir::connector
