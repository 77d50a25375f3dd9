/// Scalar subqueries that are known to give one row are that row.
#pragma once

#include <duckdb.hpp>
#include <duckdb/planner/logical_operator.hpp>

namespace weir::engine {

/// DuckDB takes the `first` row of a scalar subquery and counts the rows, to fail when there are more. Below an
/// aggregate without groups there is exactly one: both are taken away. Bindings stay as they are.
void simplify_scalar_subqueries(duckdb::LogicalOperator& plan);

/// A semi or an anti join above a join with one row, which is a filter like any other, changes places with it, so that
/// a source can be asked for the former when the latter stays here. Nothing when `op` is another operator.
void test_existence_first(duckdb::unique_ptr<duckdb::LogicalOperator>& op);

}  // namespace weir::engine
