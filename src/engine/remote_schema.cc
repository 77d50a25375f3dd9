#include "engine/remote_schema.h"

#include <set>

#include <duckdb/catalog/entry_lookup_info.hpp>
#include <duckdb/parser/constraints/not_null_constraint.hpp>
#include <duckdb/storage/statistics/base_statistics.hpp>
#include <duckdb/storage/table_storage_info.hpp>

#include "engine/remote_relation.h"
#include "engine/remote_transaction.h"
#include "engine/remote_types.h"

namespace weir::engine {
namespace {

using duckdb::CatalogEntry;
using duckdb::CatalogTransaction;
using duckdb::optional_ptr;

/// An exact match, or the only one regardless of case.
template <typename Map>
auto find_name(const Map& entries, const std::string& name) {
  auto found = entries.find(name);
  if (found != entries.end()) return found;
  for (auto it = entries.begin(); it != entries.end(); ++it) {
    if (!duckdb::StringUtil::CIEquals(it->first, name)) continue;
    if (found != entries.end()) return entries.end();
    found = it;
  }
  return found;
}

std::map<std::string, const connector::TableInfo*> by_name(const std::vector<const connector::TableInfo*>& tables) {
  std::map<std::string, const connector::TableInfo*> named;
  for (const auto* table : tables) named[table->name.table] = table;
  return named;
}

/// Columns under their own names; two that differ by case only are one to DuckDB, so the second gets a number.
void add_columns(duckdb::CreateTableInfo& info, const connector::TableInfo& table) {
  duckdb::case_insensitive_set_t taken;
  for (size_t i = 0; i < table.columns.size(); ++i) {
    const auto& column = table.columns[i];
    auto name = column.name;
    for (int number = 2; taken.count(name) > 0; ++number) name = column.name + "_" + std::to_string(number);
    taken.insert(name);
    info.columns.AddColumn(duckdb::ColumnDefinition(name, to_logical_type(column.type)));
    if (!column.nullable) {
      info.constraints.push_back(duckdb::make_uniq<duckdb::NotNullConstraint>(duckdb::LogicalIndex(i)));
    }
  }
}

}  // namespace

void refuse_write(const std::string& connector, const std::string& what) {
  throw duckdb::Exception(duckdb::ExceptionType::PERMISSION,
                          "cannot run " + what + " on " + connector +
                              ": connectors are read-only here (write to the source itself, or copy the table into the "
                              "lake with CREATE TABLE … AS SELECT)");
}

RemoteTable::RemoteTable(duckdb::Catalog& catalog, duckdb::SchemaCatalogEntry& schema, duckdb::CreateTableInfo& info,
                         std::shared_ptr<const RemoteConnector> connector, const connector::TableInfo& table)
    : TableCatalogEntry(catalog, schema, info), connector_(std::move(connector)), table_(table) {}

duckdb::TableFunction RemoteTable::GetScanFunction(duckdb::ClientContext& client,
                                                   duckdb::unique_ptr<duckdb::FunctionData>& bind_data) {
  auto generation = RemoteTransaction::of(client, catalog).generation_of(*this);
  auto table = Federation::of(client).keep({.connector = connector_,
                                            .generation = std::move(generation),
                                            .info = &table_,
                                            .entry = this,
                                            .snapshot = {},
                                            .derived = {}});
  bind_data = duckdb::make_uniq<RemoteRelation>(std::move(table));
  return remote_scan_function();
}

duckdb::TableStorageInfo RemoteTable::GetStorageInfo(duckdb::ClientContext&) {
  duckdb::TableStorageInfo info;
  info.cardinality = table_.estimated_rows;
  return info;
}

void RemoteTable::BindUpdateConstraints(duckdb::Binder&, duckdb::LogicalGet&, duckdb::LogicalProjection&,
                                        duckdb::LogicalUpdate&, duckdb::ClientContext&) {
  refuse_write(connector_->name, "UPDATE");
}

duckdb::vector<duckdb::column_t> RemoteTable::GetRowIdColumns() const {
  refuse_write(connector_->name, "UPDATE or DELETE");
}

RemoteSchema::RemoteSchema(duckdb::Catalog& catalog, duckdb::CreateSchemaInfo& info,
                           std::shared_ptr<const RemoteConnector> connector,
                           std::vector<const connector::TableInfo*> tables)
    : SchemaCatalogEntry(catalog, info), connector_(std::move(connector)), tables_(by_name(tables)) {}

RemoteTable& RemoteSchema::entry(const connector::TableInfo& table) {
  const std::lock_guard lock(mutex_);
  auto& slot = entries_[table.name.table];
  if (!slot) {
    duckdb::CreateTableInfo info(*this, table.name.table);
    add_columns(info, table);
    slot = std::make_unique<RemoteTable>(catalog, *this, info, connector_, table);
  }
  return *slot;
}

RemoteTable* RemoteSchema::find(const std::string& table) {
  const auto found = find_name(tables_, table);
  if (found == tables_.end()) return nullptr;
  return &entry(*found->second);
}

std::vector<std::string> RemoteSchema::table_names() const {
  std::vector<std::string> names;
  for (const auto& [name, table] : tables_) names.push_back(name);
  return names;
}

void RemoteSchema::Scan(duckdb::ClientContext&, duckdb::CatalogType type,
                        const std::function<void(CatalogEntry&)>& visit) {
  Scan(type, visit);
}

void RemoteSchema::Scan(duckdb::CatalogType type, const std::function<void(CatalogEntry&)>& visit) {
  if (type != duckdb::CatalogType::TABLE_ENTRY) return;
  for (const auto& [name, table] : tables_) visit(entry(*table));
}

optional_ptr<CatalogEntry> RemoteSchema::LookupEntry(CatalogTransaction transaction,
                                                     const duckdb::EntryLookupInfo& lookup) {
  if (lookup.GetCatalogType() != duckdb::CatalogType::TABLE_ENTRY) return nullptr;
  return RemoteTransaction::of(transaction).table(transaction.GetContext(), *this, lookup);
}

optional_ptr<CatalogEntry> RemoteSchema::CreateIndex(CatalogTransaction, duckdb::CreateIndexInfo&,
                                                     duckdb::TableCatalogEntry&) {
  refuse_write(connector_->name, "CREATE INDEX");
}
optional_ptr<CatalogEntry> RemoteSchema::CreateFunction(CatalogTransaction, duckdb::CreateFunctionInfo&) {
  refuse_write(connector_->name, "CREATE FUNCTION");
}
optional_ptr<CatalogEntry> RemoteSchema::CreateTable(CatalogTransaction, duckdb::BoundCreateTableInfo&) {
  refuse_write(connector_->name, "CREATE TABLE");
}
optional_ptr<CatalogEntry> RemoteSchema::CreateView(CatalogTransaction, duckdb::CreateViewInfo&) {
  refuse_write(connector_->name, "CREATE VIEW");
}
optional_ptr<CatalogEntry> RemoteSchema::CreateSequence(CatalogTransaction, duckdb::CreateSequenceInfo&) {
  refuse_write(connector_->name, "CREATE SEQUENCE");
}
optional_ptr<CatalogEntry> RemoteSchema::CreateTableFunction(CatalogTransaction, duckdb::CreateTableFunctionInfo&) {
  refuse_write(connector_->name, "CREATE FUNCTION");
}
optional_ptr<CatalogEntry> RemoteSchema::CreateCopyFunction(CatalogTransaction, duckdb::CreateCopyFunctionInfo&) {
  refuse_write(connector_->name, "CREATE FUNCTION");
}
optional_ptr<CatalogEntry> RemoteSchema::CreatePragmaFunction(CatalogTransaction, duckdb::CreatePragmaFunctionInfo&) {
  refuse_write(connector_->name, "CREATE FUNCTION");
}
optional_ptr<CatalogEntry> RemoteSchema::CreateCollation(CatalogTransaction, duckdb::CreateCollationInfo&) {
  refuse_write(connector_->name, "CREATE COLLATION");
}
optional_ptr<CatalogEntry> RemoteSchema::CreateType(CatalogTransaction, duckdb::CreateTypeInfo&) {
  refuse_write(connector_->name, "CREATE TYPE");
}
void RemoteSchema::DropEntry(duckdb::ClientContext&, duckdb::DropInfo&) { refuse_write(connector_->name, "DROP"); }
void RemoteSchema::Alter(CatalogTransaction, duckdb::AlterInfo&) { refuse_write(connector_->name, "ALTER"); }

SchemaGeneration::SchemaGeneration(duckdb::Catalog& catalog, std::shared_ptr<const RemoteConnector> connector,
                                   connector::SourceSchemaPtr schema)
    : schema_(std::move(schema)) {
  std::map<std::string, std::vector<const connector::TableInfo*>> tables;
  for (const auto& [name, table] : schema_->tables) tables[name.schema].push_back(&table);
  for (auto& [name, members] : tables) {
    duckdb::CreateSchemaInfo info;
    info.schema = name;
    schemas_[name] = std::make_unique<RemoteSchema>(catalog, info, connector, std::move(members));
  }
}

RemoteSchema* SchemaGeneration::find(const std::string& schema) const {
  const auto found = find_name(schemas_, schema);
  return found == schemas_.end() ? nullptr : found->second.get();
}

}  // namespace weir::engine
