/// Declared options: one declaration gives validation, defaults, JSON schema, documentation and the catalog's form.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/result.h"

namespace weir::options {

enum class ValueType : uint8_t { string, integer, number, boolean, string_list, group };

/// One option. All text is for people: `doc` is one sentence, `example` a value as it would be typed.
struct Option {
  std::string_view name;
  ValueType type = ValueType::string;
  std::string_view doc;
  std::string_view example = {};
  std::string_view since = "0.1";
  nlohmann::json default_value = nullptr;  ///< null: no default
  bool required = false;
  bool secret = false;                          ///< never shown; a reference ($env:, $file:) is shown as typed
  std::optional<int64_t> minimum{}, maximum{};  ///< for integers and numbers
  std::vector<std::string_view> choices{};      ///< for strings and the items of lists; empty: any
  const struct Group* group = nullptr;          ///< for ValueType::group
};

/// Options that belong together: a JSON object.
struct Group {
  std::string_view name;
  std::string_view doc;
  std::vector<Option> options;
};

/// Checks `value` against `group` and fills in defaults, inner groups included; null counts as absent, and an absent
/// group that needs an option is left out unless it is required itself. Unknown keys are refused with the nearest known
/// key; the error names the path ("connection.pool_size"). Errors: unknown_option, invalid_option.
Result<nlohmann::json> validate(const Group& group, const nlohmann::json& value);

/// JSON schema of a group, for `GET /v1/connectors/catalog` and editors.
nlohmann::json json_schema(const Group& group);
/// A Markdown table of a group and its inner groups, for docs/.
std::string markdown(const Group& group);
/// `value` with every secret option's plain value as "***", and passwords inside URLs masked.
nlohmann::json masked(const Group& group, const nlohmann::json& value);
/// The paths of options whose value is a secret in plain text: a secret option that is no reference, a password in a
/// URL or in a `password=` of a connection string.
std::vector<std::string> plain_secrets(const Group& group, const nlohmann::json& value);
/// `text` with the password of every URL ("user:***@host") and of every `password=…` in it masked; a password that is
/// a reference ("${NAME}") is shown as typed.
std::string mask_urls(std::string_view text);

}  // namespace weir::options
