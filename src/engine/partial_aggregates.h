/// Rows of a source are grouped there before they meet those of another one.
#pragma once

#include <duckdb.hpp>
#include <duckdb/optimizer/optimizer_extension.hpp>
#include <duckdb/planner/logical_operator.hpp>

namespace weir::engine {

/// `op`, part of the plan `root`, may be an aggregate above joins of rows that one source gives with others. Then these
/// rows are grouped by all of their columns that the joins and the groups look at, where that leaves few of them, and
/// `op` makes its aggregates of those of the groups; a projection above it gives what it gave. Answers whether it did.
/// The plan's types must have been resolved, and are afterwards.
///
/// Of a group all rows meet the same rows of the other side, so that sums, counts, least and greatest values follow
/// from those of the groups. Nothing is computed for rows that meet no other, which could fail: only columns are
/// aggregated.
bool group_below_joins(duckdb::OptimizerExtensionInput& input, duckdb::unique_ptr<duckdb::LogicalOperator>& op,
                       duckdb::LogicalOperator& root);

}  // namespace weir::engine
