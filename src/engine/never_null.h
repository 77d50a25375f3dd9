/// Join conditions over values that a source says are never NULL.
#pragma once

#include <duckdb.hpp>
#include <duckdb/planner/logical_operator.hpp>

namespace weir::engine {

/// IS NOT DISTINCT FROM, by which DuckDB joins what it has decorrelated, is `=` as soon as one side is never NULL; only
/// by `=` does a join tell its other side the keys.
void equate_what_is_never_null(duckdb::LogicalOperator& plan);

}  // namespace weir::engine
