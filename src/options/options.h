/// Declared options: one declaration gives validation, defaults, JSON schema, documentation and the catalog's form.
#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace weir::options {

enum class ValueType : uint8_t { string, integer, number, boolean, string_list, group };

/// One option. All text is for people: `doc` is one sentence, `example` a value as it would be typed.
struct Option {
  std::string_view name;
  ValueType type = ValueType::string;
  std::string_view doc;
  std::string_view example;
  std::string_view since = "0.1";
  nlohmann::json default_value = nullptr;  ///< null: no default
  bool required = false;
  bool secret = false;                     ///< never shown; a reference ($env:, $file:) is shown as typed
  std::optional<int64_t> minimum, maximum;  ///< for integers
  std::vector<std::string_view> choices;   ///< for strings; empty: any
  const struct Group* group = nullptr;     ///< for ValueType::group
};

/// Options that belong together: a JSON object.
struct Group {
  std::string_view name;
  std::string_view doc;
  std::vector<Option> options;
};

/// Checks `value` against `group` and fills in defaults. Unknown keys are refused with the nearest known key; the error
/// names the path ("connection.pool_size"). Errors: unknown_option, invalid_option.
Result<nlohmann::json> validate(const Group& group, const nlohmann::json& value);

/// JSON schema of a group, for `GET /v1/connectors/catalog` and editors.
nlohmann::json json_schema(const Group& group);
/// A Markdown table of a group and its inner groups, for docs/.
std::string markdown(const Group& group);
/// `value` with every secret option's plain value as "***", and passwords inside URLs masked.
nlohmann::json masked(const Group& group, const nlohmann::json& value);
/// `text` with the password part of every URL in it masked.
std::string mask_urls(std::string_view text);

/// Resolves secret references: "$env:NAME", "$file:/path", and "${NAME}" inside a text.
class SecretResolver {
 public:
  using Environment = std::function<std::optional<std::string>(const std::string& name)>;
  /// Reads the process environment.
  SecretResolver();
  explicit SecretResolver(Environment environment) : environment_(std::move(environment)) {}
  /// The secret's value; a text that is no reference is returned as it is. A file's last newline is cut.
  /// Errors: secret_unresolvable, naming the variable or the file, never a value.
  Result<std::string> resolve(std::string_view reference) const;

 private:
  Environment environment_;
};

}  // namespace weir::options
