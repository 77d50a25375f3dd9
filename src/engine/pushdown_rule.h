/// The optimizer rule that turns remote tables of a plan into scans, with what their sources are asked to do.
#pragma once

#include <duckdb.hpp>
#include <duckdb/optimizer/optimizer_extension.hpp>

namespace weir::engine {

/// Before DuckDB's own passes: notes which remote tables the statement names and makes its parameters bind anew at
/// every execution. After them: replaces every remote LogicalGet by a LogicalRemoteScan.
duckdb::OptimizerExtension pushdown_rule();

}  // namespace weir::engine
