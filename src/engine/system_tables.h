/// Tables about Weir itself, visible under their bare names: kyma_connector_health, weir_connectors, weir_queries,
/// weir_snapshots.
#pragma once

#include <functional>
#include <vector>

#include <duckdb.hpp>
#include <nlohmann/json_fwd.hpp>

#include "connector/fleet.h"
#include "engine/engine.h"

namespace weir::engine {

/// Where the rows come from, asked anew by every scan.
struct SystemTableSources {
  std::function<std::vector<connector::Health>()> health;
  std::function<nlohmann::json()> connectors;  ///< as Fleet::list: {"items": […]}
  std::function<std::vector<QueryLine>()> queries;
};

/// Makes the tables part of DuckDB's system catalog, once, before the first query. A token that is confined sees the
/// rows of its own connectors; a role below admin sees its own queries.
void register_system_tables(duckdb::DatabaseInstance& database, SystemTableSources sources);

}  // namespace weir::engine
