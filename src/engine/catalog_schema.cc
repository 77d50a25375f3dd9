/// The names that a user can query.
#include "engine/catalog_schema.h"

#include <functional>
#include <map>
#include <string>
#include <vector>

#include <duckdb/catalog/catalog_entry/schema_catalog_entry.hpp>
#include <duckdb/catalog/catalog_entry/table_catalog_entry.hpp>
#include <duckdb/catalog/catalog_entry/view_catalog_entry.hpp>
#include <duckdb/main/attached_database.hpp>
#include <duckdb/main/database_manager.hpp>
#include <duckdb/parser/constraints/not_null_constraint.hpp>

#include "engine/errors.h"
#include "engine/query_context.h"
#include "lake/hot.h"
#include "lake/lake.h"

namespace weir::engine {
namespace {

using duckdb::CatalogType;
using nlohmann::json;

json columns_of(duckdb::ClientContext& client, duckdb::CatalogEntry& entry) {
  json columns = json::array();
  if (entry.type == CatalogType::TABLE_ENTRY) {
    auto& table = entry.Cast<duckdb::TableCatalogEntry>();
    std::vector<bool> nullable(table.GetColumns().LogicalColumnCount(), true);
    for (const auto& constraint : table.GetConstraints()) {
      if (constraint->type != duckdb::ConstraintType::NOT_NULL) continue;
      nullable[constraint->Cast<duckdb::NotNullConstraint>().index.index] = false;
    }
    for (const auto& column : table.GetColumns().Logical()) {
      columns.push_back({{"name", column.Name()},
                         {"type", column.Type().ToString()},
                         {"nullable", static_cast<bool>(nullable[column.Logical().index])}});
    }
    return columns;
  }
  auto& view = entry.Cast<duckdb::ViewCatalogEntry>();
  view.BindView(client);
  auto bound = view.GetColumnInfo();
  for (size_t column = 0; bound && column < bound->names.size(); ++column) {
    columns.push_back({{"name", bound->names[column]}, {"type", bound->types[column].ToString()}, {"nullable", true}});
  }
  return columns;
}

/// One entry. A view whose tables are gone, or may not be read, is listed with the reason.
json describe_entry(duckdb::ClientContext& client, duckdb::CatalogEntry& entry) {
  json described = {{"name", entry.name}, {"kind", entry.type == CatalogType::VIEW_ENTRY ? "view" : "table"}};
  auto columns = guarded({}, [&] { return columns_of(client, entry); });
  if (columns) {
    described["columns"] = std::move(*columns);
  } else {
    described["columns"] = json::array();
    described["error"] = columns.error().message;
  }
  return described;
}

json describe_schema(duckdb::ClientContext& client, duckdb::SchemaCatalogEntry& schema) {
  // Some catalogs list their views among the tables, others apart.
  std::map<std::string, std::reference_wrapper<duckdb::CatalogEntry>> entries;
  for (auto type : {CatalogType::TABLE_ENTRY, CatalogType::VIEW_ENTRY}) {
    schema.Scan(client, type, [&](duckdb::CatalogEntry& entry) { entries.emplace(entry.name, entry); });
  }
  json tables = json::array();
  for (auto& [name, entry] : entries) tables.push_back(describe_entry(client, entry.get()));
  return {{"name", schema.name}, {"tables", std::move(tables)}};
}

json describe_catalog(duckdb::ClientContext& client, duckdb::Catalog& catalog, const AllowList& rules) {
  json schemas = json::array();
  for (auto& schema : catalog.GetSchemas(client)) {
    if (rules.may_see(catalog.GetName(), schema.get().name)) schemas.push_back(describe_schema(client, schema.get()));
  }
  return schemas;
}

bool is_ours(duckdb::AttachedDatabase& database) {
  const auto& name = database.GetName();
  return !database.IsSystem() && !database.IsTemporary() && name != "memory" && !name.starts_with("__ducklake_") &&
         name != lake::kHotCatalog;
}

}  // namespace

std::vector<std::string> visible_catalogs(duckdb::ClientContext& client, const AllowList& rules) {
  std::vector<std::string> names;
  for (auto& database : duckdb::DatabaseManager::Get(client).GetDatabases(client)) {
    const auto& name = database->GetName();
    if (is_ours(*database) && (name == lake::kCatalog || rules.may_see(name, {}))) names.push_back(name);
  }
  return names;
}

Result<json> describe_catalogs(duckdb::ClientContext& client, const AllowList& rules) {
  json catalogs = json::array();
  auto described = guarded({}, [&] {
    client.RunFunctionInTransaction([&] {
      for (auto& database : duckdb::DatabaseManager::Get(client).GetDatabases(client)) {
        if (!is_ours(*database)) continue;
        const auto& name = database->GetName();
        bool lake = name == lake::kCatalog;
        if (!lake && !rules.may_see(name, {})) continue;
        json entry = {{"name", name}, {"kind", lake ? "lake" : "connector"}, {"schemas", json::array()}};
        auto query = QueryContext::of(client);
        if (query) query->forget();
        auto schemas = guarded({}, [&] { return describe_catalog(client, database->GetCatalog(), rules); });
        auto own = query ? query->take_error() : std::nullopt;
        // A listing leaves out a source that does not answer, with no more than a warning.
        auto left_out = query ? query->warnings() : std::vector<std::string>();
        if (!schemas) {
          entry["error"] = own ? own->message : schemas.error().message;
        } else if (!left_out.empty()) {
          entry["error"] = left_out.front();
        } else {
          entry["schemas"] = std::move(*schemas);
        }
        catalogs.push_back(std::move(entry));
      }
    });
  });
  if (!described) return fail(std::move(described.error()));
  return json{{"catalogs", std::move(catalogs)}};
}

}  // namespace weir::engine
