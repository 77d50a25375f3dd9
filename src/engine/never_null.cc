#include "engine/never_null.h"

#include <algorithm>

#include <duckdb/planner/operator/logical_comparison_join.hpp>
#include <duckdb/planner/operator/logical_projection.hpp>

#include "engine/query_outputs.h"
#include "engine/remote_relation.h"

namespace weir::engine {
namespace {

using duckdb::ColumnBinding;
using duckdb::JoinType;
using duckdb::LogicalOperator;
using duckdb::LogicalOperatorType;

bool is_never_null(LogicalOperator& op, const duckdb::Expression& value);

bool is_never_null(LogicalOperator& op, const ColumnBinding& binding) {
  const auto bindings = op.GetColumnBindings();
  if (std::ranges::find(bindings, binding) == bindings.end()) return false;
  if (const auto* relation = RemoteRelation::of(op)) {
    // Of a table by itself nobody looks again whether it is still so.
    if (!relation->table->derived) return false;
    const auto& id = op.Cast<duckdb::LogicalGet>().GetColumnIds().at(binding.column_index);
    return !id.IsVirtualColumn() && !relation->table->info->columns.at(id.GetPrimaryIndex()).nullable;
  }
  switch (op.type) {
    case LogicalOperatorType::LOGICAL_PROJECTION:
      return is_never_null(*op.children[0], *op.expressions.at(binding.column_index));
    case LogicalOperatorType::LOGICAL_FILTER:
      return is_never_null(*op.children[0], binding);
    case LogicalOperatorType::LOGICAL_COMPARISON_JOIN: {
      const auto type = op.Cast<duckdb::LogicalComparisonJoin>().join_type;
      if (type != JoinType::INNER && type != JoinType::SEMI && type != JoinType::ANTI) return false;
      return std::ranges::any_of(op.children, [&](const auto& child) { return is_never_null(*child, binding); });
    }
    default:
      return false;
  }
}

bool is_never_null(LogicalOperator& op, const duckdb::Expression& value) {
  const auto* binding = binding_of(value);
  return binding != nullptr && is_never_null(op, *binding);
}

/// A mark is NULL where a comparison is: not of those.
bool tells_match_only(JoinType type) { return type != JoinType::MARK; }

}  // namespace

void equate_what_is_never_null(LogicalOperator& plan) {
  for (const auto& child : plan.children) equate_what_is_never_null(*child);
  if (plan.type != LogicalOperatorType::LOGICAL_COMPARISON_JOIN) return;
  auto& join = plan.Cast<duckdb::LogicalComparisonJoin>();
  if (!tells_match_only(join.join_type)) return;
  for (auto& condition : join.conditions) {
    if (condition.comparison != duckdb::ExpressionType::COMPARE_NOT_DISTINCT_FROM) continue;
    if (is_never_null(*join.children[0], *condition.left) || is_never_null(*join.children[1], *condition.right)) {
      condition.comparison = duckdb::ExpressionType::COMPARE_EQUAL;
    }
  }
}

}  // namespace weir::engine
