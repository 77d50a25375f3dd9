#include "sync/table_description.h"

#include <nlohmann/json.hpp>

namespace weir::sync {
namespace {

using nlohmann::json;

json to_json(const plan::Type& type) {
  json out = {{"kind", plan::to_string(type.kind)}};
  if (type.kind == plan::Kind::decimal) out.update({{"precision", type.precision}, {"scale", type.scale}});
  if (!type.children.empty()) out["element"] = to_json(type.children[0]);
  return out;
}

json to_json(const std::vector<plan::Column>& columns) {
  json out = json::array();
  for (const auto& column : columns) {
    out.push_back({{"name", column.name},
                   {"type", to_json(column.type)},
                   {"collation", static_cast<int>(column.collation)},
                   {"nullable", column.nullable},
                   {"source_type", column.source_type},
                   {"cast_to_text", column.cast_to_text}});
  }
  return out;
}

plan::Kind kind_of(const std::string& name) {
  for (int kind = 0; kind <= static_cast<int>(plan::Kind::list); ++kind) {
    if (plan::to_string(static_cast<plan::Kind>(kind)) == name) return static_cast<plan::Kind>(kind);
  }
  throw json::other_error::create(501, "unknown kind " + name, nullptr);
}

plan::Type type_of(const json& in) {
  plan::Type type{kind_of(in.at("kind")), 0, 0, {}};
  if (type.kind == plan::Kind::decimal) {
    type.precision = in.at("precision");
    type.scale = in.at("scale");
  }
  if (in.contains("element")) type.children.push_back(type_of(in.at("element")));
  return type;
}

std::vector<plan::Column> columns_of(const json& in) {
  std::vector<plan::Column> columns;
  for (const auto& column : in) {
    columns.push_back({.name = column.at("name"),
                       .type = type_of(column.at("type")),
                       .collation = static_cast<plan::Collation>(column.at("collation").get<int>()),
                       .nullable = column.at("nullable"),
                       .source_type = column.at("source_type"),
                       .cast_to_text = column.at("cast_to_text")});
  }
  return columns;
}

}  // namespace

std::vector<plan::Column> CopyShape::stored() const {
  auto columns = table->columns;
  columns.insert(columns.end(), dropped.begin(), dropped.end());
  return columns;
}

std::string to_text(const CopyShape& shape) {
  return json{{"columns", to_json(shape.table->columns)},
              {"key", shape.table->key},
              {"dropped", to_json(shape.dropped)},
              {"memo", shape.table->memo}}
      .dump();
}

Result<CopyShape> shape_of(const plan::TableName& name, std::string_view text) {
  try {
    const auto in = json::parse(text);
    auto table = std::make_shared<connector::ChangeTable>();
    table->name = name;
    table->columns = columns_of(in.at("columns"));
    table->key = in.at("key").get<std::vector<std::string>>();
    table->memo = in.at("memo");
    return CopyShape{std::move(table), columns_of(in.at("dropped"))};
  } catch (const json::exception& error) {
    return fail(ErrorCode::data_dir_damaged, "the hot database describes a copy in words that cannot be read: " +
                                                 name.to_string() + ": " + error.what());
  }
}

}  // namespace weir::sync
