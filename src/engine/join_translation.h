/// DuckDB's joins as those that a source can be asked for.
#pragma once

#include <expected>
#include <set>
#include <vector>

#include <duckdb.hpp>
#include <duckdb/planner/operator/logical_comparison_join.hpp>

#include "engine/pushdown.h"
#include "plan/query.h"

namespace weir::engine {

/// Or why the join stays here. Pure, like all of these.
std::expected<plan::JoinKind, plan::Refusal> join_kind(const duckdb::LogicalComparisonJoin& join);
std::expected<plan::ExpressionPtr, plan::Refusal> translate_condition(const duckdb::JoinCondition& condition,
                                                                      const ColumnOf& column_of);

/// NOT IN: the join below `filter` that marks the rows of its left side, of which those are left that have no mark;
/// nothing for another filter.
const duckdb::LogicalComparisonJoin* unmarked_join(const duckdb::LogicalOperator& filter);
/// `condition` is the one that leaves out what `join` has marked.
bool is_unmarked(const duckdb::Expression& condition, const duckdb::LogicalComparisonJoin& join);

/// The columns of either side, counted from 0 on both, that a join's conditions equate with the other side's.
struct EquatedColumns {
  /// The conditions name the columns of the left side, then those of the right.
  EquatedColumns(const std::vector<plan::ExpressionPtr>& conditions, size_t left_count);

  std::set<size_t> left, right;
};

/// Whether the join cannot give more rows than one of its sides has. `left_has_key`: the conditions find at most one
/// row there.
bool gives_no_more_rows(plan::JoinKind kind, bool left_has_key, bool right_has_key);

}  // namespace weir::engine
