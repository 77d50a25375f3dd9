/// The schemas and tables of one connector as DuckDB's catalog entries.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <duckdb.hpp>
#include <duckdb/catalog/catalog_entry/schema_catalog_entry.hpp>
#include <duckdb/catalog/catalog_entry/table_catalog_entry.hpp>
#include <duckdb/parser/parsed_data/create_schema_info.hpp>
#include <duckdb/parser/parsed_data/create_table_info.hpp>

#include "engine/remote_connector.h"

namespace weir::engine {

/// Every attempt to write ends here. `what` is e.g. "INSERT".
[[noreturn]] void refuse_write(const std::string& connector, const std::string& what);

class RemoteTable final : public duckdb::TableCatalogEntry {
 public:
  RemoteTable(duckdb::Catalog& catalog, duckdb::SchemaCatalogEntry& schema, duckdb::CreateTableInfo& info,
              std::shared_ptr<const RemoteConnector> connector, const connector::TableInfo& table);

  duckdb::TableFunction GetScanFunction(duckdb::ClientContext& client,
                                        duckdb::unique_ptr<duckdb::FunctionData>& bind_data) override;
  /// None: they would be stale, and DuckDB prunes by them.
  duckdb::unique_ptr<duckdb::BaseStatistics> GetStatistics(duckdb::ClientContext&, duckdb::column_t) override {
    return nullptr;
  }
  duckdb::TableStorageInfo GetStorageInfo(duckdb::ClientContext& client) override;
  void BindUpdateConstraints(duckdb::Binder&, duckdb::LogicalGet&, duckdb::LogicalProjection&, duckdb::LogicalUpdate&,
                             duckdb::ClientContext&) override;
  duckdb::virtual_column_map_t GetVirtualColumns() const override { return {}; }
  /// Asked for by UPDATE and DELETE only.
  duckdb::vector<duckdb::column_t> GetRowIdColumns() const override;

 private:
  std::shared_ptr<const RemoteConnector> connector_;
  const connector::TableInfo& table_;
};

/// A schema; its tables become catalog entries when they are asked for. Thread-safe.
class RemoteSchema final : public duckdb::SchemaCatalogEntry {
 public:
  RemoteSchema(duckdb::Catalog& catalog, duckdb::CreateSchemaInfo& info,
               std::shared_ptr<const RemoteConnector> connector, std::vector<const connector::TableInfo*> tables);

  /// By exact name, or else regardless of case when that names one table only.
  /// Nullptr when there is none.
  RemoteTable* find(const std::string& table);
  std::vector<std::string> table_names() const;

  void Scan(duckdb::ClientContext&, duckdb::CatalogType type,
            const std::function<void(duckdb::CatalogEntry&)>& visit) override;
  void Scan(duckdb::CatalogType type, const std::function<void(duckdb::CatalogEntry&)>& visit) override;
  duckdb::optional_ptr<duckdb::CatalogEntry> LookupEntry(duckdb::CatalogTransaction transaction,
                                                         const duckdb::EntryLookupInfo& lookup) override;

  duckdb::optional_ptr<duckdb::CatalogEntry> CreateIndex(duckdb::CatalogTransaction, duckdb::CreateIndexInfo&,
                                                         duckdb::TableCatalogEntry&) override;
  duckdb::optional_ptr<duckdb::CatalogEntry> CreateFunction(duckdb::CatalogTransaction,
                                                            duckdb::CreateFunctionInfo&) override;
  duckdb::optional_ptr<duckdb::CatalogEntry> CreateTable(duckdb::CatalogTransaction,
                                                         duckdb::BoundCreateTableInfo&) override;
  duckdb::optional_ptr<duckdb::CatalogEntry> CreateView(duckdb::CatalogTransaction, duckdb::CreateViewInfo&) override;
  duckdb::optional_ptr<duckdb::CatalogEntry> CreateSequence(duckdb::CatalogTransaction,
                                                            duckdb::CreateSequenceInfo&) override;
  duckdb::optional_ptr<duckdb::CatalogEntry> CreateTableFunction(duckdb::CatalogTransaction,
                                                                 duckdb::CreateTableFunctionInfo&) override;
  duckdb::optional_ptr<duckdb::CatalogEntry> CreateCopyFunction(duckdb::CatalogTransaction,
                                                                duckdb::CreateCopyFunctionInfo&) override;
  duckdb::optional_ptr<duckdb::CatalogEntry> CreatePragmaFunction(duckdb::CatalogTransaction,
                                                                  duckdb::CreatePragmaFunctionInfo&) override;
  duckdb::optional_ptr<duckdb::CatalogEntry> CreateCollation(duckdb::CatalogTransaction,
                                                             duckdb::CreateCollationInfo&) override;
  duckdb::optional_ptr<duckdb::CatalogEntry> CreateType(duckdb::CatalogTransaction, duckdb::CreateTypeInfo&) override;
  void DropEntry(duckdb::ClientContext&, duckdb::DropInfo&) override;
  void Alter(duckdb::CatalogTransaction, duckdb::AlterInfo&) override;

 private:
  RemoteTable& entry(const connector::TableInfo& table);

  std::shared_ptr<const RemoteConnector> connector_;
  const std::map<std::string, const connector::TableInfo*> tables_;
  std::mutex mutex_;
  std::map<std::string, std::unique_ptr<RemoteTable>> entries_;
};

/// All entries made from one answer of Source::schema. Whoever uses an entry holds its generation.
class SchemaGeneration : public std::enable_shared_from_this<SchemaGeneration> {
 public:
  SchemaGeneration(duckdb::Catalog& catalog, std::shared_ptr<const RemoteConnector> connector,
                   connector::SourceSchemaPtr schema);

  const connector::SourceSchemaPtr& source_schema() const { return schema_; }
  const std::map<std::string, std::unique_ptr<RemoteSchema>>& schemas() const { return schemas_; }
  /// By exact name, or else regardless of case when that names one schema only.
  /// Nullptr when there is none.
  RemoteSchema* find(const std::string& schema) const;

 private:
  connector::SourceSchemaPtr schema_;
  std::map<std::string, std::unique_ptr<RemoteSchema>> schemas_;
};

}  // namespace weir::engine
