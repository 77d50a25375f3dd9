/// Names of one connector as one DuckDB transaction sees them.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <duckdb.hpp>
#include <duckdb/catalog/catalog_entry/view_catalog_entry.hpp>
#include <duckdb/catalog/catalog_transaction.hpp>
#include <duckdb/catalog/entry_lookup_info.hpp>
#include <duckdb/transaction/transaction.hpp>
#include <duckdb/transaction/transaction_manager.hpp>

#include "base/result.h"
#include "engine/remote_schema.h"

namespace weir::engine {

using GenerationPtr = std::shared_ptr<const SchemaGeneration>;

/// The newest catalog entries of a connector. Thread-safe.
class SchemaCache {
 public:
  SchemaCache(duckdb::Catalog& catalog, std::shared_ptr<const RemoteConnector> connector)
      : catalog_(catalog), connector_(std::move(connector)) {}

  const RemoteConnector& connector() const { return *connector_; }
  const std::shared_ptr<const RemoteConnector>& connector_pointer() const { return connector_; }
  duckdb::Catalog& catalog() const { return catalog_; }
  /// Errors: source_disabled, and those of Source::schema.
  Result<GenerationPtr> get(Federation& federation, bool refresh);
  /// As `get`, whether the connector may be read live or not.
  Result<GenerationPtr> read(bool refresh);
  /// As `get`, but does not ask a source again that failed a moment ago: for listings over all connectors, which a
  /// source that does not answer must not hold up each time.
  Result<GenerationPtr> get_for_listing(Federation& federation);
  /// Changes whenever entries do.
  uint64_t version() const;

 private:
  struct Failure {
    Error error;
    std::chrono::steady_clock::time_point at;
  };

  duckdb::Catalog& catalog_;
  const std::shared_ptr<const RemoteConnector> connector_;
  mutable std::mutex mutex_;
  GenerationPtr newest_;
  uint64_t version_ = 0;
  std::optional<Failure> failure_;
};

/// Keeps every generation alive from which it has given an entry. Thread-safe.
class RemoteTransaction final : public duckdb::Transaction {
 public:
  RemoteTransaction(duckdb::TransactionManager& manager, duckdb::ClientContext& client, SchemaCache& cache)
      : Transaction(manager, client), cache_(cache) {}

  static RemoteTransaction& of(duckdb::ClientContext& client, duckdb::Catalog& catalog);
  static RemoteTransaction& of(duckdb::CatalogTransaction& transaction);

  /// The named schema or table. What is not found is looked for once more in a fresh schema. Then the answer is
  /// nullptr when the name may mean something else, and an exception that offers the nearest name when a statement
  /// reads from it under this connector's name.
  RemoteSchema* schema(duckdb::ClientContext& client, const duckdb::EntryLookupInfo& lookup);
  /// A table that is answered by its live copy is a view over it, and then the source is not asked for anything.
  duckdb::CatalogEntry* table(duckdb::ClientContext& client, RemoteSchema& schema,
                              const duckdb::EntryLookupInfo& lookup);
  /// The table itself, from a schema read anew, whether the connector may be read live or not: for snapshots.
  RemoteTable& snapshot_table(duckdb::ClientContext& client, const plan::TableName& name);
  /// All schemas; none, with a warning in the query's context, when the source does not answer.
  void list(duckdb::ClientContext& client, const std::function<void(duckdb::SchemaCatalogEntry&)>& visit);

  /// The generation that owns an entry that this transaction has given.
  GenerationPtr generation_of(const RemoteTable& table) const;

 private:
  GenerationPtr current(duckdb::ClientContext& client);
  GenerationPtr refreshed(duckdb::ClientContext& client);
  GenerationPtr pin(GenerationPtr generation);
  /// Of the tables that the connector keeps copies of, those that `schema` names, or the one that `table` names in it.
  /// A name that differs by letter case counts only when the source has none that is exactly so.
  std::optional<std::string> copied_schema(duckdb::ClientContext& client, const std::string& schema);
  std::optional<plan::TableName> copied_table(duckdb::ClientContext& client, const std::string& schema,
                                              const std::string& table);
  duckdb::CatalogEntry* copy(duckdb::ClientContext& client, RemoteSchema& schema, const plan::TableName& table,
                             const connector::CopyState& state);
  RemoteTable* live_table(duckdb::ClientContext& client, const std::string& schema_name,
                          const duckdb::EntryLookupInfo& lookup, const std::string& name);
  bool must_exist(duckdb::ClientContext& client, const duckdb::EntryLookupInfo& lookup) const;

  SchemaCache& cache_;
  mutable std::mutex mutex_;
  std::vector<GenerationPtr> pinned_;  ///< the last is the current one
  bool refreshed_ = false;
  std::map<std::string, std::unique_ptr<RemoteSchema>> copy_schemas_;  ///< by name; hold no tables of their own
  std::map<plan::TableName, std::unique_ptr<duckdb::ViewCatalogEntry>> copies_;
  std::set<plan::TableName> live_;  ///< read from the source: a table is the same thing throughout a statement
};

/// Transactions on a connector change nothing, so ending one only lets go.
class RemoteTransactions final : public duckdb::TransactionManager {
 public:
  RemoteTransactions(duckdb::AttachedDatabase& database, SchemaCache& cache)
      : TransactionManager(database), cache_(cache) {}

  duckdb::Transaction& StartTransaction(duckdb::ClientContext& client) override;
  duckdb::ErrorData CommitTransaction(duckdb::ClientContext& client, duckdb::Transaction& transaction) override;
  void RollbackTransaction(duckdb::Transaction& transaction) override;
  void Checkpoint(duckdb::ClientContext&, bool) override {}

 private:
  SchemaCache& cache_;
  std::mutex mutex_;
  std::map<const duckdb::Transaction*, std::unique_ptr<RemoteTransaction>> running_;
};

}  // namespace weir::engine
