#include "engine/live.h"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include <duckdb/main/attached_database.hpp>
#include <duckdb/main/database_manager.hpp>
#include <duckdb/parser/tableref/basetableref.hpp>
#include <duckdb/parser/tableref/table_function_ref.hpp>

#include "engine/remote_connector.h"

namespace weir::engine {
namespace {

constexpr const char* kUsage =
    "name the table as live(<connector>.<schema>.<table>); a name that needs quotes, as live('pg.\"Odd.Schema\".t')";

/// The parts of a dotted name; a part may be in double quotes. Nothing when a quote is not closed or a part is empty.
std::optional<std::vector<std::string>> split_name(const std::string& text) {
  std::vector<std::string> parts(1);
  bool quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '"') {
      if (quoted && i + 1 < text.size() && text[i + 1] == '"') {
        parts.back() += text[++i];
      } else {
        quoted = !quoted;
      }
    } else if (text[i] == '.' && !quoted) {
      parts.emplace_back();
    } else {
      parts.back() += text[i];
    }
  }
  const bool empty_part = std::ranges::any_of(parts, &std::string::empty);
  if (quoted || empty_part) return {};
  return parts;
}

bool is_connector(duckdb::ClientContext& client, const std::string& name) {
  auto database = duckdb::DatabaseManager::Get(client).GetDatabase(client, name);
  return database && database->GetCatalog().GetCatalogType() == kCatalogType;
}

/// A column reference that resolves to nothing comes here as its dotted text: live(pg_prod.public.users).
duckdb::unique_ptr<duckdb::TableRef> replace(duckdb::ClientContext& client, duckdb::TableFunctionBindInput& input) {
  if (input.inputs.size() != 1) {
    const auto given = std::to_string(input.inputs.size());
    throw_error(client, Error{ErrorCode::invalid_query, "live() takes one table, but was given " + given, kUsage, {}});
  }
  const auto text = input.inputs[0].ToString();
  const auto parts = split_name(text);
  if (!parts || parts->size() != 3) {
    throw_error(client, Error{ErrorCode::invalid_query, "live() does not understand " + text, kUsage, {}});
  }
  if (!is_connector(client, (*parts)[0])) {
    throw_error(client, Error{ErrorCode::connector_not_found,
                              "no connector " + (*parts)[0] + " for live(" + text + ")",
                              "GET /v1/connectors lists the connectors",
                              {}});
  }
  auto table = duckdb::make_uniq<duckdb::BaseTableRef>();
  table->catalog_name = (*parts)[0];
  table->schema_name = (*parts)[1];
  table->table_name = (*parts)[2];
  table->query_location = input.ref.query_location;
  table->alias = input.ref.alias.empty() ? (*parts)[2] : input.ref.alias;
  return table;
}

}  // namespace

duckdb::TableFunction live_function() {
  duckdb::TableFunction function("live", {}, nullptr, nullptr);
  function.varargs = duckdb::LogicalType::ANY;  // so that a wrong number of arguments gets our words
  function.bind_replace = replace;
  return function;
}

}  // namespace weir::engine
