/// Scalar subqueries that are known to give one row are that row.
#pragma once

#include <duckdb.hpp>
#include <duckdb/planner/logical_operator.hpp>

namespace weir::engine {

/// DuckDB takes the `first` row of a scalar subquery and counts the rows, to fail when there are more. Below an
/// aggregate without groups there is exactly one: both are taken away. Bindings stay as they are.
void simplify_scalar_subqueries(duckdb::LogicalOperator& plan);

}  // namespace weir::engine
