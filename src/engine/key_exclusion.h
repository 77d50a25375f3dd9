/// The anti join of a live copy's extents with the keys of its hot table, for keys of at most 16 bytes. DuckDB's hash
/// join probes its table for every row; this asks a filter in the processor's cache first, which most rows do not pass.
#pragma once

#include <duckdb.hpp>
#include <duckdb/optimizer/optimizer_extension.hpp>

namespace weir::engine {

/// Puts the operator in the place of such joins.
duckdb::OptimizerExtension key_exclusion_rule();

}  // namespace weir::engine
