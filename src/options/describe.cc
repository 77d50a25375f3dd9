/// What a declaration says to people and to editors: JSON schema and Markdown.
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "options/options.h"

namespace weir::options {
namespace {

using nlohmann::json;

std::string_view schema_type(ValueType type) {
  switch (type) {
    case ValueType::string:
      return "string";
    case ValueType::integer:
      return "integer";
    case ValueType::number:
      return "number";
    case ValueType::boolean:
      return "boolean";
    case ValueType::string_list:
      return "array";
    case ValueType::group:
      return "object";
  }
  std::unreachable();
}

// An example is declared as it would be typed; in a schema it is a value.
json example_value(const Option& option) {
  const std::string text(option.example);
  if (option.type == ValueType::string) return text;
  json value = json::parse(text, nullptr, false);
  return value.is_discarded() ? json(text) : value;
}

json object_schema(const Group& group);

json option_schema(const Option& option) {
  if (option.type == ValueType::group) {
    json schema = object_schema(*option.group);
    schema["description"] = option.doc;
    return schema;
  }
  json schema{{"type", schema_type(option.type)}, {"description", option.doc}, {"x-since", option.since}};
  json* text = &schema;
  if (option.type == ValueType::string_list) {
    schema["items"] = {{"type", "string"}};
    text = &schema["items"];
  }
  if (!option.choices.empty()) (*text)["enum"] = option.choices;
  if (!option.default_value.is_null()) schema["default"] = option.default_value;
  if (!option.example.empty()) schema["examples"] = json::array({example_value(option)});
  if (option.minimum) schema["minimum"] = *option.minimum;
  if (option.maximum) schema["maximum"] = *option.maximum;
  if (option.secret) schema["x-secret"] = true;
  return schema;
}

json object_schema(const Group& group) {
  json schema{{"type", "object"}, {"additionalProperties", false}, {"properties", json::object()}};
  if (!group.doc.empty()) schema["description"] = group.doc;
  json required = json::array();
  for (const Option& option : group.options) {
    schema["properties"][std::string(option.name)] = option_schema(option);
    if (option.required) required.push_back(option.name);
  }
  if (!required.empty()) schema["required"] = std::move(required);
  return schema;
}

std::string in_cell(std::string_view text) {
  std::string cell;
  for (const char letter : text) {
    if (letter == '|') cell += '\\';
    cell += letter == '\n' ? ' ' : letter;
  }
  return cell;
}

std::string type_cell(const Option& option) {
  std::string cell(option.type == ValueType::string_list ? "list of strings" : schema_type(option.type));
  if (!option.choices.empty()) cell += fmt::format(": `{}`", fmt::join(option.choices, "`, `"));
  if (option.minimum && option.maximum) cell += fmt::format(", {} to {}", *option.minimum, *option.maximum);
  if (option.minimum && !option.maximum) cell += fmt::format(", at least {}", *option.minimum);
  if (!option.minimum && option.maximum) cell += fmt::format(", at most {}", *option.maximum);
  if (option.secret) cell += ", secret";
  return cell;
}

std::string default_cell(const Option& option) {
  if (option.required) return "required";
  if (option.default_value.is_null()) return "";
  return "`" +
         (option.default_value.is_string() ? option.default_value.get<std::string>() : option.default_value.dump()) +
         "`";
}

void add_rows(const Group& group, const std::string& prefix, std::string& table) {
  for (const Option& option : group.options) {
    const std::string path = prefix + std::string(option.name);
    if (option.type == ValueType::group) {
      add_rows(*option.group, path + ".", table);
      continue;
    }
    const std::string example = option.example.empty() ? "" : fmt::format(" Example: `{}`", option.example);
    table += fmt::format("| `{}` | {} | {} | {} |\n", path, in_cell(type_cell(option)), in_cell(default_cell(option)),
                         in_cell(std::string(option.doc) + example));
  }
}

}  // namespace

nlohmann::json json_schema(const Group& group) {
  json schema = object_schema(group);
  schema["$schema"] = "https://json-schema.org/draft/2020-12/schema";
  schema["title"] = group.name;
  return schema;
}

std::string markdown(const Group& group) {
  std::string table = "| option | type | default | meaning |\n|---|---|---|---|\n";
  add_rows(group, "", table);
  return table;
}

}  // namespace weir::options
