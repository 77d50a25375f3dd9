#include "engine/join_translation.h"

#include <algorithm>

#include <duckdb/planner/expression/bound_comparison_expression.hpp>
#include <duckdb/planner/expression/bound_operator_expression.hpp>

#include "engine/query_outputs.h"

namespace weir::engine {

using duckdb::JoinType;

namespace {

bool is_plain(const duckdb::LogicalComparisonJoin& join) {
  return !join.predicate && join.duplicate_eliminated_columns.empty();
}

}  // namespace

std::expected<plan::JoinKind, plan::Refusal> join_kind(const duckdb::LogicalComparisonJoin& join) {
  switch (is_plain(join) ? join.join_type : JoinType::INVALID) {
    case JoinType::INNER:
      return plan::JoinKind::inner;
    case JoinType::LEFT:
      return plan::JoinKind::left;
    case JoinType::RIGHT:
      return plan::JoinKind::right;
    case JoinType::OUTER:
      return plan::JoinKind::full;
    case JoinType::SEMI:
      return plan::JoinKind::semi;
    case JoinType::ANTI:
      return plan::JoinKind::anti;
    case JoinType::SINGLE:
      // A primary key is no proof: rows of inheriting tables do not know it.
      return std::unexpected("a scalar subquery may give more than one row");
    case JoinType::MARK:
      return std::unexpected("IN as a value is not pushed");
    default:
      return std::unexpected(is_plain(join) ? duckdb::JoinTypeToString(join.join_type) + " joins are not pushed"
                                            : std::string("joins by more than comparisons are not pushed"));
  }
}

std::expected<plan::ExpressionPtr, plan::Refusal> translate_condition(const duckdb::JoinCondition& condition,
                                                                      const ColumnOf& column_of) {
  const duckdb::BoundComparisonExpression compared(condition.comparison, condition.left->Copy(),
                                                   condition.right->Copy());
  return translate(compared, column_of);
}

bool is_unmarked(const duckdb::Expression& condition, const duckdb::LogicalComparisonJoin& join) {
  if (condition.GetExpressionType() != duckdb::ExpressionType::OPERATOR_NOT) return false;
  const auto* mark = binding_of(*condition.Cast<duckdb::BoundOperatorExpression>().children[0]);
  return mark != nullptr && *mark == duckdb::ColumnBinding(join.mark_index, 0);
}

const duckdb::LogicalComparisonJoin* unmarked_join(const duckdb::LogicalOperator& filter) {
  if (filter.children[0]->type != duckdb::LogicalOperatorType::LOGICAL_COMPARISON_JOIN) return nullptr;
  const auto& join = filter.children[0]->Cast<duckdb::LogicalComparisonJoin>();
  if (join.join_type != JoinType::MARK || !is_plain(join) || join.HasProjectionMap()) return nullptr;
  const bool leaves_out =
      std::ranges::any_of(filter.expressions, [&](const auto& condition) { return is_unmarked(*condition, join); });
  return leaves_out ? &join : nullptr;
}

EquatedColumns::EquatedColumns(const std::vector<plan::ExpressionPtr>& conditions, size_t left_count) {
  for (const auto& condition : conditions) {
    const auto* compare = std::get_if<plan::Compare>(&condition->node);
    if (compare == nullptr ||
        (compare->op != plan::Comparison::equal && compare->op != plan::Comparison::not_distinct)) {
      continue;
    }
    const auto* one = std::get_if<plan::ColumnRef>(&compare->left->node);
    const auto* other = std::get_if<plan::ColumnRef>(&compare->right->node);
    if (one == nullptr || other == nullptr || (one->index < left_count) == (other->index < left_count)) continue;
    left.insert(std::min(one->index, other->index));
    right.insert(std::max(one->index, other->index) - left_count);
  }
}

bool gives_no_more_rows(plan::JoinKind kind, bool left_has_key, bool right_has_key) {
  switch (kind) {
    case plan::JoinKind::semi:
    case plan::JoinKind::anti:
    case plan::JoinKind::not_in:
      return true;
    case plan::JoinKind::inner:
      return left_has_key || right_has_key;
    case plan::JoinKind::left:
      return right_has_key;
    case plan::JoinKind::right:
      return left_has_key;
    case plan::JoinKind::full:
      return false;
  }
  return false;
}

}  // namespace weir::engine
