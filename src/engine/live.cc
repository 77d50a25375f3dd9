#include "engine/live.h"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include <duckdb/main/attached_database.hpp>
#include <duckdb/main/database_manager.hpp>
#include <duckdb/parser/parsed_data/create_view_info.hpp>
#include <duckdb/parser/tableref/basetableref.hpp>
#include <duckdb/parser/tableref/subqueryref.hpp>
#include <duckdb/parser/tableref/table_function_ref.hpp>

#include "engine/query_context.h"
#include "engine/remote_connector.h"

namespace weir::engine {
namespace {

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

struct NamedTable {
  std::string connector;
  plan::TableName name;
};

/// The one argument of live() or raw(). A column reference that resolves to nothing comes here as its dotted text:
/// live(pg_prod.public.users).
NamedTable named_table(duckdb::ClientContext& client, const duckdb::TableFunctionBindInput& input,
                       const std::string& function) {
  const auto usage = "name the table as " + function + "(<connector>.<schema>.<table>); a name that needs quotes, as " +
                     function + "('pg.\"Odd.Schema\".t')";
  if (input.inputs.size() != 1) {
    const auto given = std::to_string(input.inputs.size());
    throw_error(client,
                Error{ErrorCode::invalid_query, function + "() takes one table, but was given " + given, usage, {}});
  }
  const auto text = input.inputs[0].ToString();
  const auto parts = split_name(text);
  if (!parts || parts->size() != 3) {
    throw_error(client, Error{ErrorCode::invalid_query, function + "() does not understand " + text, usage, {}});
  }
  if (!is_connector(client, (*parts)[0])) {
    throw_error(client, Error{ErrorCode::connector_not_found,
                              "no connector " + (*parts)[0] + " for " + function + "(" + text + ")",
                              "GET /v1/connectors lists the connectors",
                              {}});
  }
  return {(*parts)[0], {(*parts)[1], (*parts)[2]}};
}

duckdb::unique_ptr<duckdb::TableRef> replace_live(duckdb::ClientContext& client,
                                                  duckdb::TableFunctionBindInput& input) {
  const auto named = named_table(client, input, "live");
  auto table = duckdb::make_uniq<duckdb::BaseTableRef>();
  table->catalog_name = named.connector;
  table->schema_name = named.name.schema;
  table->table_name = std::string(kLiveMark) + named.name.table;
  table->query_location = input.ref.query_location;
  table->alias = input.ref.alias.empty() ? named.name.table : input.ref.alias;
  return table;
}

duckdb::unique_ptr<duckdb::TableRef> replace_raw(duckdb::ClientContext& client, duckdb::TableFunctionBindInput& input) {
  const auto named = named_table(client, input, "raw");
  const auto& desk = Federation::of(client).desk();
  const auto served = desk.served ? desk.served(named.connector, named.name) : connector::Served{};
  if (!served.copy) {
    const auto whole = named.connector + "." + named.name.to_string();
    throw_error(client,
                Error{ErrorCode::table_not_synced, "there is no live copy to read of " + whole, {}, named.connector});
  }
  if (auto query = QueryContext::of(client)) query->reads_copy(named.connector, named.name, served.state);
  auto query = duckdb::make_uniq<duckdb::SubqueryRef>(duckdb::CreateViewInfo::ParseSelect(served.state.raw_sql));
  query->alias = input.ref.alias.empty() ? named.name.table : input.ref.alias;
  return query;
}

duckdb::TableFunction replaced(const char* name, duckdb::table_function_bind_replace_t replace) {
  duckdb::TableFunction function(name, {}, nullptr, nullptr);
  function.varargs = duckdb::LogicalType::ANY;  // so that a wrong number of arguments gets our words
  function.bind_replace = replace;
  return function;
}

}  // namespace

duckdb::TableFunction live_function() { return replaced("live", replace_live); }
duckdb::TableFunction raw_function() { return replaced("raw", replace_raw); }

}  // namespace weir::engine
