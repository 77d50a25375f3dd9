/// The names that a user can query: catalogs, schemas, tables, columns.
#pragma once

#include <string>
#include <vector>

#include <duckdb.hpp>
#include <nlohmann/json.hpp>

#include "base/result.h"
#include "engine/allow_list.h"

namespace weir::engine {

/// See Engine::catalog_schema. A catalog whose source cannot be asked has an "error" instead of schemas.
Result<nlohmann::json> describe_catalogs(duckdb::ClientContext& client, const AllowList& rules);

/// The lake and the connectors that may be seen.
std::vector<std::string> visible_catalogs(duckdb::ClientContext& client, const AllowList& rules);

}  // namespace weir::engine
