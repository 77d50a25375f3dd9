/// Checks a body against its declaration and fills in the defaults.
#include <algorithm>
#include <limits>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/nearest.h"
#include "options/binding.h"
#include "options/options.h"
#include "options/secret_resolver.h"

namespace weir::options {
namespace {

using nlohmann::json;

constexpr size_t kShownLengthMax = 80;

std::string shortened(std::string text) {
  if (text.size() <= kShownLengthMax) return text;
  size_t end = kShownLengthMax;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) end--;  // not inside a UTF-8 letter
  return text.substr(0, end) + "…";
}

std::string shown(const Option& option, const json& value) {
  if (option.secret) return "***";
  return shortened(mask_urls(value.dump(-1, ' ', false, json::error_handler_t::replace)));
}

std::string bounds(const Option& option) {
  if (option.minimum && option.maximum) return fmt::format(" from {} to {}", *option.minimum, *option.maximum);
  if (option.minimum) return fmt::format(" of at least {}", *option.minimum);
  if (option.maximum) return fmt::format(" of at most {}", *option.maximum);
  return "";
}

std::string quoted_choices(const Option& option) { return fmt::format("\"{}\"", fmt::join(option.choices, "\", \"")); }

std::string expected(const Option& option) {
  switch (option.type) {
    case ValueType::string:
      return option.choices.empty() ? "a string" : "one of " + quoted_choices(option);
    case ValueType::integer:
      return "an integer" + bounds(option);
    case ValueType::number:
      return "a number" + bounds(option);
    case ValueType::boolean:
      return "true or false";
    case ValueType::string_list:
      return option.choices.empty() ? "a list of strings" : "a list of " + quoted_choices(option);
    case ValueType::group:
      return "an object";
  }
  std::unreachable();
}

std::unexpected<Error> refuse(const Option& option, const std::string& path, const json& value, std::string hint = {}) {
  return fail(ErrorCode::invalid_option,
              fmt::format("option {} must be {}, got {}", path, expected(option), shown(option, value)),
              std::move(hint));
}

bool in_bounds(const Option& option, const json& value) {
  if (value.is_number_float()) {
    const double number = value.get<double>();
    return (!option.minimum || number >= static_cast<double>(*option.minimum)) &&
           (!option.maximum || number <= static_cast<double>(*option.maximum));
  }
  // Above int64 the library keeps an unsigned number, which `get<int64_t>` would wrap around.
  if (value.is_number_unsigned() && !std::in_range<int64_t>(value.get<uint64_t>())) return false;
  const int64_t number = value.get<int64_t>();
  return number >= option.minimum.value_or(std::numeric_limits<int64_t>::min()) &&
         number <= option.maximum.value_or(std::numeric_limits<int64_t>::max());
}

Status check_text(const Option& option, const std::string& path, const std::string& text) {
  if (text.find('\0') != std::string::npos) {
    return fail(ErrorCode::invalid_option, fmt::format("option {} must not hold a NUL character", path));
  }
  if (option.required && text.empty()) {
    return fail(ErrorCode::invalid_option, fmt::format("option {} must not be empty", path));
  }
  if ((option.secret && text == "***") || text.find(":***@") != std::string::npos) {
    return fail(ErrorCode::invalid_option, fmt::format("option {} holds the mask ***, not a secret", path),
                "Leave the option out of the change to keep what is stored, or give the secret anew.");
  }
  if (option.choices.empty() || std::ranges::find(option.choices, text) != option.choices.end()) return {};
  const std::vector<std::string> known(option.choices.begin(), option.choices.end());
  return refuse(option, path, text, did_you_mean(text, known));
}

Status check_list(const Option& option, const std::string& path, const json& list) {
  for (size_t i = 0; i < list.size(); i++) {
    if (!list[i].is_string()) return refuse(option, fmt::format("{}[{}]", path, i), list[i]);
    WEIR_TRY(check_text(option, fmt::format("{}[{}]", path, i), list[i].get_ref<const std::string&>()));
  }
  return {};
}

bool has_type(const Option& option, const json& value) {
  switch (option.type) {
    case ValueType::string:
      return value.is_string();
    case ValueType::integer:
      return value.is_number_integer();
    case ValueType::number:
      return value.is_number();
    case ValueType::boolean:
      return value.is_boolean();
    case ValueType::string_list:
      return value.is_array();
    case ValueType::group:
      return value.is_object();
  }
  std::unreachable();
}

Status check_value(const Option& option, const std::string& path, const json& value) {
  if (!has_type(option, value)) {
    const bool unquoted =
        option.type == ValueType::integer || option.type == ValueType::number || option.type == ValueType::boolean;
    return refuse(option, path, value, unquoted && value.is_string() ? "Write the value without quotes." : "");
  }
  if (value.is_number() && !in_bounds(option, value)) return refuse(option, path, value);
  if (value.is_string()) return check_text(option, path, value.get_ref<const std::string&>());
  if (value.is_array()) return check_list(option, path, value);
  return {};
}

std::string offer(const Group& root, const Group& group, const std::string& prefix, const std::string& key) {
  std::vector<std::string> known;
  for (const Option& option : group.options) known.emplace_back(option.name);
  if (const auto near = nearest(key, known)) return fmt::format("did you mean '{}{}'?", prefix, *near);
  for (const std::string& path : detail::paths(root)) {
    if (path.ends_with("." + key)) return fmt::format("did you mean '{}'?", path);
  }
  return fmt::format("Known here: {}.", fmt::join(known, ", "));
}

bool needs_an_option(const Group& group) {
  return std::ranges::any_of(group.options, [](const Option& option) {
    return option.required || (option.type == ValueType::group && needs_an_option(*option.group));
  });
}

class Validation {
 public:
  explicit Validation(const Group& root) : root_(root) {}

  Result<json> group(const Group& group, const std::string& prefix, const json& value) {
    for (const auto& [key, item] : value.items()) {
      const bool known = std::ranges::any_of(group.options, [&](const Option& option) { return option.name == key; });
      if (known) continue;
      return fail(ErrorCode::unknown_option, "unknown option " + shortened(prefix + key),
                  offer(root_, group, prefix, key));
    }
    json checked = json::object();
    for (const Option& declared : group.options) {
      const auto given = value.find(declared.name);
      json result = WEIR_TRY(
          option(declared, prefix + std::string(declared.name), given == value.end() ? json(nullptr) : *given));
      if (!result.is_null()) checked[std::string(declared.name)] = std::move(result);
    }
    return checked;
  }

 private:
  Result<json> option(const Option& declared, const std::string& path, const json& given) {
    if (declared.type == ValueType::group) return inner(declared, path, given);
    if (!given.is_null()) {
      WEIR_TRY(check_value(declared, path, given));
      return given;
    }
    if (!declared.required) return declared.default_value;
    return fail(ErrorCode::invalid_option,
                fmt::format("option {} is required and must be {}", path, expected(declared)),
                declared.example.empty() ? "" : fmt::format("For example: {}", declared.example));
  }

  Result<json> inner(const Option& declared, const std::string& path, const json& given) {
    if (given.is_null()) {
      if (!declared.required && needs_an_option(*declared.group)) return json(nullptr);
      return group(*declared.group, path + ".", json::object());
    }
    WEIR_TRY(check_value(declared, path, given));
    return group(*declared.group, path + ".", given);
  }

  const Group& root_;
};

}  // namespace

Result<nlohmann::json> validate(const Group& group, const nlohmann::json& value) {
  if (!value.is_object()) {
    return fail(ErrorCode::invalid_option,
                fmt::format("{} must be a JSON object, got {}", group.name, value.type_name()));
  }
  return Validation(group).group(group, "", value);
}

}  // namespace weir::options
