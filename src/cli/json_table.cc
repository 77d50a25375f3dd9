/// JSON to grids.
#include "cli/json_table.h"

#include <algorithm>

#include <nlohmann/json.hpp>

namespace weir::cli {
namespace {

using nlohmann::json;

bool is_flags(const json& value) {
  return value.is_object() && !value.empty() &&
         std::all_of(value.begin(), value.end(), [](const json& item) { return item.is_boolean(); });
}

/// {"federation": true, "sync": false} is "federation".
std::string flags_set(const json& flags) {
  std::string text;
  for (const auto& [key, set] : flags.items()) {
    if (set) text += (text.empty() ? "" : ", ") + key;
  }
  return text.empty() ? "no" : text;
}

bool is_scalar_list(const json& value) {
  return value.is_array() &&
         std::none_of(value.begin(), value.end(), [](const json& item) { return item.is_structured(); });
}

std::string cell(const json& value);

std::string joined(const json& list) {
  std::string text;
  for (const json& item : list) text += (text.empty() ? "" : ", ") + cell(item);
  return text;
}

std::string cell(const json& value) {
  if (value.is_boolean()) return value ? "yes" : "no";
  if (is_flags(value)) return flags_set(value);
  if (is_scalar_list(value)) return joined(value);
  if (value.is_null() || (value.is_object() && value.empty())) return {};
  if (value.is_string()) return value.get<std::string>();
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

void add_fields(const std::string& path, const json& value, format::TextGrid& grid, std::string& out) {
  if (!value.is_structured() || value.empty() || is_scalar_list(value)) {
    grid.add({{path}, {cell(value)}}, out);
    return;
  }
  for (const auto& [key, inner] : value.items()) {
    std::string inner_path = path.empty() ? key : path;
    if (!path.empty()) inner_path.append(".").append(key);
    add_fields(inner_path, inner, grid, out);
  }
}

}  // namespace

std::string records_table(const json& records, const std::vector<std::string_view>& keys,
                          const format::TableOptions& options) {
  std::vector<format::GridColumn> columns;
  columns.reserve(keys.size());
  for (const std::string_view key : keys) columns.push_back({std::string(key)});
  format::TextGrid grid(std::move(columns), options);
  std::string out;
  for (const json& record : records) {
    std::vector<format::GridCell> row;
    for (const std::string_view key : keys) {
      const auto found = record.find(key);
      row.push_back({found == record.end() ? "" : cell(*found)});
    }
    grid.add(std::move(row), out);
  }
  grid.finish(out);
  return out;
}

std::string fields_table(const json& object, const format::TableOptions& options) {
  format::TextGrid grid({{"field"}, {"value"}}, options);
  std::string out;
  add_fields("", object, grid, out);
  grid.finish(out);
  return out;
}

}  // namespace weir::cli
