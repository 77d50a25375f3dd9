/// Connectors as catalogs of the SQL engine: `pg_prod.public.users`, `live(pg_prod.public.users)`.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include <duckdb.hpp>

#include "base/result.h"
#include "connector/fleet.h"
#include "connector/registry.h"
#include "connector/source.h"
#include "engine/engine.h"
#include "telemetry/metrics.h"

namespace weir::engine {

/// What a scan asks of, and tells to, whoever keeps the connectors: `Fleet` in the server, a test's own in tests.
struct ConnectorDesk {
  std::function<Status(const std::string& connector)> may_read_live;
  std::function<void(const std::string& connector, const connector::ReadStats& stats, const Error* error)> record_scan;
  /// How a bare reference to a table is to be answered. Not set: live.
  std::function<connector::Served(const std::string& connector, const plan::TableName& table)> served = {};
  /// The tables whose live copies the connector keeps, complete or not.
  std::function<std::vector<plan::TableName>(const std::string& connector)> copies = {};
  /// Waits until the copy of a table is as fresh as asked. Errors: timeout, cancelled, invalid_option (the position).
  std::function<Status(const std::string& connector, const plan::TableName& table,
                       const connector::FreshnessDemand& demand, std::chrono::milliseconds limit,
                       const std::function<bool()>& stop)>
      wait = {};
};
ConnectorDesk desk_of(connector::Fleet& fleet);

/// Registers the catalog type, `live()`, the optimizer rule and the setting `weir_pushdown` with a database, once,
/// before the first connector is attached.
void register_federation(duckdb::DatabaseInstance& database, ConnectorDesk desk, const EngineOptions& options);

/// Makes `spec.name` a catalog. Does not connect. Errors: already_exists, invalid_option (a name that DuckDB keeps).
Status attach_connector(duckdb::DatabaseInstance& database, const connector::Spec& spec,
                        std::shared_ptr<connector::Source> source);
/// Queries that read it run to their end. Nothing happens when there is none.
void detach_connector(duckdb::DatabaseInstance& database, const std::string& name);

}  // namespace weir::engine
