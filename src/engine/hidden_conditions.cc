#include "engine/hidden_conditions.h"

#include <algorithm>

#include <duckdb/execution/operator/join/physical_comparison_join.hpp>
#include <duckdb/planner/expression/bound_cast_expression.hpp>
#include <duckdb/planner/operator/logical_aggregate.hpp>
#include <duckdb/planner/operator/logical_comparison_join.hpp>
#include <duckdb/planner/operator/logical_projection.hpp>

#include "engine/query_outputs.h"

namespace weir::engine {
namespace {

using duckdb::ExpressionType;
using duckdb::LogicalOperator;
using duckdb::LogicalOperatorType;

/// A comparison that DuckDB's pass leaves out, and puts in the same place among the conditions; those that it leaves
/// out anyway stay.
ExpressionType left_out(ExpressionType comparison) {
  switch (comparison) {
    case ExpressionType::COMPARE_EQUAL:
      return ExpressionType::COMPARE_NOT_DISTINCT_FROM;
    case ExpressionType::COMPARE_LESSTHAN:
    case ExpressionType::COMPARE_LESSTHANOREQUALTO:
    case ExpressionType::COMPARE_GREATERTHAN:
    case ExpressionType::COMPARE_GREATERTHANOREQUALTO:
      return ExpressionType::COMPARE_DISTINCT_FROM;
    default:
      return comparison;
  }
}

/// Whether the pass would follow `value` to a scan below `op`, or meet an operator that it does not know either.
bool reaches_scan(const LogicalOperator& op, const duckdb::Expression& value) {
  if (value.GetExpressionClass() == duckdb::ExpressionClass::BOUND_CAST) {
    return reaches_scan(op, *value.Cast<duckdb::BoundCastExpression>().child);
  }
  const auto* binding = binding_of(value);
  if (binding == nullptr) return false;
  switch (op.type) {
    case LogicalOperatorType::LOGICAL_PROJECTION: {
      const auto& projection = op.Cast<duckdb::LogicalProjection>();
      return projection.table_index == binding->table_index &&
             reaches_scan(*op.children[0], *op.expressions.at(binding->column_index));
    }
    case LogicalOperatorType::LOGICAL_AGGREGATE_AND_GROUP_BY: {
      const auto& aggregate = op.Cast<duckdb::LogicalAggregate>();
      return aggregate.group_index == binding->table_index &&
             reaches_scan(*op.children[0], *aggregate.groups.at(binding->column_index));
    }
    case LogicalOperatorType::LOGICAL_FILTER:
    case LogicalOperatorType::LOGICAL_ORDER_BY:
    case LogicalOperatorType::LOGICAL_COMPARISON_JOIN:
    case LogicalOperatorType::LOGICAL_CROSS_PRODUCT:
      return reaches_scan(*op.children[0], value);
    default:
      return true;
  }
}

}  // namespace

void HiddenConditions::hide(LogicalOperator& op) {
  for (const auto& child : op.children) hide(*child);
  if (op.type != LogicalOperatorType::LOGICAL_COMPARISON_JOIN) return;
  auto& conditions = op.Cast<duckdb::LogicalComparisonJoin>().conditions;
  // As the pass does: the places of the conditions are counted in this order.
  duckdb::PhysicalComparisonJoin::ReorderConditions(conditions);
  const auto reaches = [&](const duckdb::JoinCondition& one) { return reaches_scan(*op.children[0], *one.left); };
  if (std::ranges::none_of(conditions, reaches)) return;
  for (auto& condition : conditions) {
    if (reaches(condition)) continue;
    hidden_.push_back({&condition, condition.comparison});
    condition.comparison = left_out(condition.comparison);
  }
}

HiddenConditions::~HiddenConditions() {
  for (const auto& [condition, comparison] : hidden_) condition->comparison = comparison;
}

}  // namespace weir::engine
