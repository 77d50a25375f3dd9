/// From declarations to CLI11.
#include "cli/declared_flags.h"

#include <algorithm>

#include <CLI/Option.hpp>
#include <nlohmann/json.hpp>

namespace weir::cli {
namespace {

using options::Option;
using options::ValueType;

std::string flag_of(std::string_view name) {
  std::string flag = "--" + std::string(name);
  std::replace(flag.begin() + 2, flag.end(), '_', '-');
  return flag;
}

std::string help_of(const Option& option) {
  std::string help(option.doc);
  if (!option.default_value.is_null()) {
    help += " [" +
            (option.default_value.is_string() ? option.default_value.get<std::string>() : option.default_value.dump()) +
            "]";
  }
  return help;
}

Result<nlohmann::json> value_of(const Option& option, const std::string& text) {
  if (option.type == ValueType::string || option.type == ValueType::string_list) return nlohmann::json(text);
  auto value = nlohmann::json::parse(text, nullptr, false);
  const bool fits = option.type == ValueType::boolean ? value.is_boolean() : value.is_number();
  if (fits) return value;
  return fail(ErrorCode::invalid_option, "value of " + flag_of(option.name) + " does not fit: " + text,
              "Write it like " + std::string(option.example) + ".");
}

}  // namespace

DeclaredFlags::DeclaredFlags(const options::Group& group, CLI::App& command) : group_(group) {
  for (const Option& option : group.options) {
    if (option.type == ValueType::group) continue;
    CLI::Option* flag = command.add_option(flag_of(option.name), given_[option.name], help_of(option));
    flag->expected(1);
    // A list option is given several times, each time with one value; any other keeps the last.
    flag->multi_option_policy(option.type == ValueType::string_list ? CLI::MultiOptionPolicy::TakeAll
                                                                    : CLI::MultiOptionPolicy::TakeLast);
    flag->type_name(option.type == ValueType::integer ? "NUMBER" : "TEXT");
  }
}

Result<nlohmann::json> DeclaredFlags::over(nlohmann::json base) const {
  for (const Option& option : group_.options) {
    const auto given = given_.find(option.name);
    if (given == given_.end() || given->second.empty()) continue;
    if (option.type == ValueType::string_list) {
      base[std::string(option.name)] = given->second;
    } else {
      base[std::string(option.name)] = WEIR_TRY(value_of(option, given->second.back()));
    }
  }
  return base;
}

}  // namespace weir::cli
