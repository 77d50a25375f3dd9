/// The connectors that are catalogs of one database, and what their scans share.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <duckdb.hpp>
#include <duckdb/storage/storage_extension.hpp>

#include "base/background_threads.h"
#include "connector/source.h"
#include "engine/remote_catalog.h"
#include "plan/query.h"

namespace weir::engine {

/// The storage extension's name, as in ATTACH … (TYPE …).
inline constexpr const char* kCatalogType = "weir_connector";

/// An attached connector. Outlives its catalog as long as queries read it.
struct RemoteConnector {
  std::string id;
  std::string name;
  std::shared_ptr<connector::Source> source;
};

class SchemaGeneration;
class RemoteTable;

struct BoundTable;

/// A query of a source that stands in a plan like a table.
struct DerivedTable {
  std::shared_ptr<const connector::TableInfo> info;  ///< the query's columns
  plan::QueryPtr query;
  std::vector<std::shared_ptr<const BoundTable>> tables;  ///< that it reads
};

/// A remote table as one reference of a statement was bound to it. Shared by all copies of the plan.
struct BoundTable {
  uint64_t id = 0;  ///< unique in the process; set by Federation::keep
  std::shared_ptr<const RemoteConnector> connector;
  std::shared_ptr<const SchemaGeneration> generation;  ///< owns what follows
  const connector::TableInfo* info = nullptr;
  RemoteTable* entry = nullptr;
  std::string snapshot;                         ///< read as of the SnapshotPoint of this name; empty: as it is
  std::shared_ptr<const DerivedTable> derived;  ///< read instead of the table, and owns `info`
};

/// Everything about federation that belongs to one database. Thread-safe.
class Federation final : public duckdb::StorageExtensionInfo {
 public:
  Federation(ConnectorDesk desk, const EngineOptions& options);

  static Federation& of(duckdb::DatabaseInstance& database);
  static Federation& of(duckdb::ClientContext& client);

  const ConnectorDesk& desk() const { return desk_; }
  const connector::ReadOptions& read_options() const { return read_options_; }
  BackgroundThreads& background() { return background_; }

  /// Offers a connector to the ATTACH that follows.
  void offer(std::shared_ptr<const RemoteConnector> connector);
  /// Nothing when none of that name was offered: users do not attach connectors by SQL.
  std::shared_ptr<const RemoteConnector> take_offer(const std::string& name);

  /// Gives `table` an id, by which copies of a plan find it again.
  std::shared_ptr<const BoundTable> keep(BoundTable table);
  /// Nothing when no plan holds it any more.
  std::shared_ptr<const BoundTable> find(uint64_t id);

 private:
  ConnectorDesk desk_;
  connector::ReadOptions read_options_;
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<const RemoteConnector>> offers_;
  std::map<uint64_t, std::weak_ptr<const BoundTable>> bound_;
  uint64_t last_bound_id_ = 0;
  size_t tidy_at_ = 64;
  BackgroundThreads background_;  ///< last: its tasks use the others
};

/// Leaves DuckDB by an exception of its own, and keeps `error` for QueryContext::take_error.
[[noreturn]] void throw_error(duckdb::ClientContext& client, Error error);

}  // namespace weir::engine
