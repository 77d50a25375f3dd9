#include "engine/scalar_subqueries.h"

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include <duckdb/planner/expression/bound_aggregate_expression.hpp>
#include <duckdb/planner/expression/bound_case_expression.hpp>
#include <duckdb/planner/expression/bound_comparison_expression.hpp>
#include <duckdb/planner/expression/bound_constant_expression.hpp>
#include <duckdb/planner/expression_iterator.hpp>
#include <duckdb/planner/operator/logical_aggregate.hpp>
#include <duckdb/planner/operator/logical_comparison_join.hpp>
#include <duckdb/planner/operator/logical_projection.hpp>

#include "engine/query_outputs.h"

namespace weir::engine {
namespace {

using duckdb::ColumnBinding;
using duckdb::LogicalOperator;
using duckdb::LogicalOperatorType;

bool is_ungrouped(const LogicalOperator& op) {
  if (op.type != LogicalOperatorType::LOGICAL_AGGREGATE_AND_GROUP_BY) return false;
  const auto& aggregate = op.Cast<duckdb::LogicalAggregate>();
  return aggregate.groups.empty() && aggregate.grouping_sets.size() <= 1 && aggregate.grouping_functions.empty();
}

bool gives_one_row(const LogicalOperator& op) {
  if (op.type == LogicalOperatorType::LOGICAL_PROJECTION) return gives_one_row(*op.children[0]);
  return is_ungrouped(op);
}

/// The aggregates that a scalar subquery makes: the first value, and the number of rows.
const duckdb::LogicalAggregate* first_of_rows(const LogicalOperator& op) {
  if (!is_ungrouped(op) || op.expressions.size() != 2) return nullptr;
  const auto is_plain = [&](size_t i, std::string_view name) {
    const auto& aggregate = op.expressions[i]->Cast<duckdb::BoundAggregateExpression>();
    return aggregate.function.name == name && !aggregate.filter;
  };
  return is_plain(0, "first") && is_plain(1, "count_star") ? &op.Cast<duckdb::LogicalAggregate>() : nullptr;
}

/// count > 1
bool is_several_rows(const duckdb::Expression& condition, const duckdb::LogicalAggregate& aggregate) {
  if (condition.GetExpressionType() != duckdb::ExpressionType::COMPARE_GREATERTHAN) return false;
  const auto& compare = condition.Cast<duckdb::BoundComparisonExpression>();
  const auto* counted = binding_of(*compare.left);
  return counted != nullptr && *counted == ColumnBinding(aggregate.aggregate_index, 1) &&
         compare.right->GetExpressionClass() == duckdb::ExpressionClass::BOUND_CONSTANT &&
         compare.right->Cast<duckdb::BoundConstantExpression>().value == duckdb::Value::BIGINT(1);
}

/// CASE WHEN count > 1 THEN error ELSE first END.
bool is_checked_first(const duckdb::Expression& expression, const duckdb::LogicalAggregate& aggregate) {
  if (expression.GetExpressionClass() != duckdb::ExpressionClass::BOUND_CASE) return false;
  const auto& choice = expression.Cast<duckdb::BoundCaseExpression>();
  const auto* chosen = binding_of(*choice.else_expr);
  if (chosen == nullptr || *chosen != ColumnBinding(aggregate.aggregate_index, 0)) return false;
  return choice.case_checks.size() == 1 && is_several_rows(*choice.case_checks[0].when_expr, aggregate);
}

/// A join that every row of its left side meets one row in.
bool joins_one_row(const LogicalOperator& op) {
  const bool is_join = op.type == LogicalOperatorType::LOGICAL_CROSS_PRODUCT ||
                       (op.type == LogicalOperatorType::LOGICAL_COMPARISON_JOIN &&
                        op.Cast<duckdb::LogicalComparisonJoin>().join_type == duckdb::JoinType::INNER);
  return is_join && !op.HasProjectionMap() && gives_one_row(*op.children[1]);
}

bool reads(const duckdb::Expression& expression, const std::vector<ColumnBinding>& columns) {
  const auto* binding = binding_of(expression);
  bool found = binding != nullptr && std::ranges::find(columns, *binding) != columns.end();
  duckdb::ExpressionIterator::EnumerateChildren(
      expression, [&](const duckdb::Expression& child) { found = found || reads(child, columns); });
  return found;
}

bool tests_existence(const LogicalOperator& op) {
  if (op.type != LogicalOperatorType::LOGICAL_COMPARISON_JOIN || op.HasProjectionMap()) return false;
  const auto& join = op.Cast<duckdb::LogicalComparisonJoin>();
  return (join.join_type == duckdb::JoinType::SEMI || join.join_type == duckdb::JoinType::ANTI) && !join.predicate;
}

void simplify(duckdb::LogicalProjection& projection) {
  const auto* aggregate = first_of_rows(*projection.children[0]);
  if (aggregate == nullptr || projection.expressions.size() != 1) return;
  if (!is_checked_first(*projection.expressions[0], *aggregate) || !gives_one_row(*aggregate->children[0])) return;
  auto& first = projection.children[0]->expressions[0]->Cast<duckdb::BoundAggregateExpression>();
  projection.expressions[0] = std::move(first.children[0]);
  auto row = std::move(projection.children[0]->children[0]);
  projection.children[0] = std::move(row);
}

}  // namespace

void simplify_scalar_subqueries(LogicalOperator& plan) {
  if (plan.type == LogicalOperatorType::LOGICAL_PROJECTION) simplify(plan.Cast<duckdb::LogicalProjection>());
  for (const auto& child : plan.children) simplify_scalar_subqueries(*child);
}

void test_existence_first(duckdb::unique_ptr<LogicalOperator>& op) {
  if (!tests_existence(*op) || !joins_one_row(*op->children[0])) return;
  const auto row = op->children[0]->children[1]->GetColumnBindings();
  for (const auto& condition : op->Cast<duckdb::LogicalComparisonJoin>().conditions) {
    if (reads(*condition.left, row)) return;
  }
  auto with_row = std::move(op->children[0]);
  op->children[0] = std::move(with_row->children[0]);
  with_row->children[0] = std::move(op);
  op = std::move(with_row);
  op->ResolveOperatorTypes();
}

}  // namespace weir::engine
