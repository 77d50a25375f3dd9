/// Values that come with a query.
#pragma once

#include <duckdb.hpp>
#include <nlohmann/json_fwd.hpp>

#include "base/result.h"

namespace weir::engine {

using ParameterValues = duckdb::case_insensitive_map_t<duckdb::BoundParameterData>;

/// The values of $1, $2 … (array) or $name (object). Whole numbers become BIGINT, UBIGINT beyond it; other numbers
/// DOUBLE; strings VARCHAR, which SQL casts where another type stands; arrays LIST; objects JSON text.
/// Errors: invalid_request.
Result<ParameterValues> parameter_values(const nlohmann::json& params);

/// The values that `statement` names, no more: DuckDB refuses others. Errors: invalid_query for one that is missing.
Result<ParameterValues> values_for(const duckdb::SQLStatement& statement, const ParameterValues& given);

}  // namespace weir::engine
