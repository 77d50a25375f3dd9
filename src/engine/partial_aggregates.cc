#include "engine/partial_aggregates.h"

#include <algorithm>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <duckdb/catalog/catalog.hpp>
#include <duckdb/catalog/catalog_entry/aggregate_function_catalog_entry.hpp>
#include <duckdb/function/function_binder.hpp>
#include <duckdb/optimizer/column_binding_replacer.hpp>
#include <duckdb/optimizer/optimizer.hpp>
#include <duckdb/planner/binder.hpp>
#include <duckdb/planner/expression/bound_aggregate_expression.hpp>
#include <duckdb/planner/expression/bound_cast_expression.hpp>
#include <duckdb/planner/expression/bound_columnref_expression.hpp>
#include <duckdb/planner/expression/bound_constant_expression.hpp>
#include <duckdb/planner/expression/bound_operator_expression.hpp>
#include <duckdb/planner/expression_iterator.hpp>
#include <duckdb/planner/logical_operator_visitor.hpp>
#include <duckdb/planner/operator/logical_aggregate.hpp>
#include <duckdb/planner/operator/logical_comparison_join.hpp>
#include <duckdb/planner/operator/logical_projection.hpp>

#include "engine/average.h"
#include "engine/query_estimate.h"
#include "engine/query_translation.h"

namespace weir::engine {
namespace {

using duckdb::BoundAggregateExpression;
using duckdb::ColumnBinding;
using duckdb::Expression;
using duckdb::LogicalOperator;
using duckdb::LogicalOperatorType;
using duckdb::LogicalType;
using ExpressionPtr = duckdb::unique_ptr<Expression>;
using OperatorPtr = duckdb::unique_ptr<LogicalOperator>;

/// Groups are made where they are no more than one for so many rows: each costs about what it costs to send a row.
constexpr double kRowsPerGroup = 4;
/// A sum of wider decimals could leave DuckDB's 38 digits over rows that meet no other.
constexpr uint8_t kSummedDigitsMax = 28;

/// The operators that every row of a group passes in the same way.
bool passes_groups(const LogicalOperator& op, size_t child) {
  if (op.HasProjectionMap()) return false;
  switch (op.type) {
    case LogicalOperatorType::LOGICAL_FILTER:
    case LogicalOperatorType::LOGICAL_CROSS_PRODUCT:
      return true;
    case LogicalOperatorType::LOGICAL_COMPARISON_JOIN: {
      const auto& join = op.Cast<duckdb::LogicalComparisonJoin>();
      if (join.predicate || !join.duplicate_eliminated_columns.empty()) return false;
      const bool keeps_left = join.join_type == duckdb::JoinType::LEFT || join.join_type == duckdb::JoinType::SEMI ||
                              join.join_type == duckdb::JoinType::ANTI;
      return join.join_type == duckdb::JoinType::INNER || (keeps_left && child == 0);
    }
    default:
      return false;
  }
}

void for_each_column(const Expression& expression, const std::function<void(const ColumnBinding&)>& visit) {
  if (const auto* binding = binding_of(expression)) visit(*binding);
  duckdb::ExpressionIterator::EnumerateChildren(expression,
                                                [&](const Expression& child) { for_each_column(child, visit); });
}

/// Rows that a source gives, and what looks at them.
struct Side {
  OperatorPtr* rows;
  TranslatedQuery translated;
  std::vector<LogicalOperator*> above;  ///< from the aggregate down to the rows, without these two

  bool has(const ColumnBinding& binding) const { return translated.outputs.position(binding).has_value(); }
  bool has_all(const Expression& expression) const {
    bool all = true;
    for_each_column(expression, [&](const ColumnBinding& binding) { all = all && has(binding); });
    return all;
  }
  bool has_any(const Expression& expression) const {
    bool any = false;
    for_each_column(expression, [&](const ColumnBinding& binding) { any = any || has(binding); });
    return any;
  }
};

void find_sides(OperatorPtr& op, const std::vector<LogicalOperator*>& above, std::vector<Side>& found) {
  if (auto translated = translate_plan(*op)) {
    found.push_back({&op, std::move(*translated), above});
    return;
  }
  auto with_this = above;
  with_this.push_back(op.get());
  for (size_t i = 0; i < op->children.size(); ++i) {
    if (passes_groups(*op, i)) find_sides(op->children[i], with_this, found);
  }
}

bool is_summed_exactly(const LogicalType& type) {
  if (type.id() == duckdb::LogicalTypeId::DECIMAL) return duckdb::DecimalType::GetWidth(type) <= kSummedDigitsMax;
  return type.IsIntegral() && type.InternalType() != duckdb::PhysicalType::INT128;
}

/// One aggregate's columns among the groups of a side, and what it is made of them.
class PartialAggregates {
 public:
  PartialAggregates(duckdb::OptimizerExtensionInput& input, const Side& side, const duckdb::LogicalAggregate& whole)
      : input_(input),
        side_(side),
        whole_(whole),
        groups_index_(input.optimizer.binder.GenerateTableIndex()),
        partial_index_(input.optimizer.binder.GenerateTableIndex()) {}

  /// False: what is asked does not follow from the groups.
  bool plan() {
    bool same_each_time = true;
    const auto look = [&](const Expression& expression) {
      same_each_time = same_each_time && !expression.IsVolatile();
      add_keys(expression);
    };
    for (auto* op : side_.above) {
      duckdb::LogicalOperatorVisitor::EnumerateExpressions(*op, [&](ExpressionPtr* expression) { look(**expression); });
    }
    for (const auto& group : whole_.groups) look(*group);
    if (!same_each_time) return false;
    for (const auto& expression : whole_.expressions) {
      if (!split(expression->Cast<BoundAggregateExpression>())) return false;
    }
    return !keys_.empty();
  }

  bool leaves_few_rows() const {
    const auto& [tables, query, outputs, reduces, joins_by_key] = side_.translated;
    const auto expected = estimate(*query.build(), tables_among(tables));
    double groups = 1;
    for (const auto& key : keys_) groups *= expected.distinct.at(outputs.position(binding_of(*key)).value());
    return groups > 0 && groups * kRowsPerGroup <= expected.rows;
  }

  /// The groups of `rows`.
  OperatorPtr group(OperatorPtr rows) {
    auto partial = duckdb::make_uniq<duckdb::LogicalAggregate>(groups_index_, partial_index_, std::move(partial_));
    for (const auto& key : keys_) partial->groups.push_back(key->Copy());
    partial->children.push_back(std::move(rows));
    partial->ResolveOperatorTypes();
    return partial;
  }

  void look_at_groups(LogicalOperator& op) const {
    duckdb::ColumnBindingReplacer replacer;
    for (size_t i = 0; i < keys_.size(); ++i) {
      replacer.replacement_bindings.emplace_back(binding_of(*keys_[i]), ColumnBinding(groups_index_, i));
    }
    duckdb::LogicalOperatorVisitor::EnumerateExpressions(
        op, [&](ExpressionPtr* expression) { replacer.VisitExpression(expression); });
  }

  duckdb::vector<ExpressionPtr> take_merged() { return std::move(merged_); }
  /// What each aggregate of the whole was, of the merged ones, which `index` binds.
  std::vector<ExpressionPtr> take_results() { return std::move(results_); }

 private:
  static const ColumnBinding& binding_of(const Expression& key) { return *engine::binding_of(key); }

  void add_keys(const Expression& expression) {
    if (const auto* binding = engine::binding_of(expression)) {
      const bool known = std::ranges::any_of(keys_, [&](const auto& key) { return binding_of(*key) == *binding; });
      if (side_.has(*binding) && !known) keys_.push_back(expression.Copy());
    }
    duckdb::ExpressionIterator::EnumerateChildren(expression, [&](const Expression& child) { add_keys(child); });
  }

  /// False: `call` does not follow from aggregates of the groups.
  bool split(const BoundAggregateExpression& call) {
    const auto& name = call.function.name;
    const bool is_extreme = name == "min" || name == "max";
    const bool is_ordered = call.order_bys && !call.order_bys->orders.empty();
    if (is_ordered || (call.IsDistinct() && !is_extreme)) return false;
    const bool has_one = call.children.size() == 1;
    if (is_extreme && has_one && !side_.has_any(call)) return gives(merge(call.Copy()));
    if (call.filter && !side_.has_all(*call.filter)) return false;
    if (name == "count_star") return gives(counted(call));
    if (!has_one || engine::binding_of(*call.children[0]) == nullptr || !side_.has_all(*call.children[0])) return false;
    if (name == "count") return gives(counted(call));
    if (is_extreme) return gives(merge(name, part(call.Copy())));
    const auto& type = call.children[0]->return_type;
    if (!is_summed_exactly(type)) return false;
    if (name == "sum") return gives(merge("sum", part(call.Copy())));
    if (name != "avg" || !divides_exact_sum(type)) return false;
    auto sum = merge("sum", part(bind("sum", call)));
    return gives(divide_sum(type, std::move(sum), counted(*bind("count", call))));
  }
  bool gives(ExpressionPtr result) {
    results_.push_back(std::move(result));
    return true;
  }

  /// A sum of counts; no rows are none.
  ExpressionPtr counted(const Expression& call) {
    auto sum = merge("sum", part(call.Copy()));
    auto number = duckdb::BoundCastExpression::AddCastToType(input_.context, std::move(sum), LogicalType::BIGINT);
    auto counted = duckdb::make_uniq<duckdb::BoundOperatorExpression>(duckdb::ExpressionType::OPERATOR_COALESCE,
                                                                      LogicalType::BIGINT);
    counted->children.push_back(std::move(number));
    counted->children.push_back(duckdb::make_uniq<duckdb::BoundConstantExpression>(duckdb::Value::BIGINT(0)));
    return counted;
  }

  /// An aggregate of the groups: its column.
  ExpressionPtr part(ExpressionPtr call) {
    const auto type = call->return_type;
    partial_.push_back(std::move(call));
    return duckdb::make_uniq<duckdb::BoundColumnRefExpression>(type,
                                                               ColumnBinding(partial_index_, partial_.size() - 1));
  }

  /// An aggregate of the whole: its column.
  ExpressionPtr merge(ExpressionPtr call) {
    const auto type = call->return_type;
    merged_.push_back(std::move(call));
    return duckdb::make_uniq<duckdb::BoundColumnRefExpression>(
        type, ColumnBinding(whole_.aggregate_index, merged_.size() - 1));
  }
  ExpressionPtr merge(const std::string& name, ExpressionPtr column) {
    duckdb::vector<ExpressionPtr> arguments;
    arguments.push_back(std::move(column));
    return merge(bind(name, std::move(arguments), nullptr));
  }

  /// `name` of what `call` aggregates.
  ExpressionPtr bind(const std::string& name, const BoundAggregateExpression& call) const {
    duckdb::vector<ExpressionPtr> arguments;
    arguments.push_back(call.children[0]->Copy());
    return bind(name, std::move(arguments), call.filter ? call.filter->Copy() : nullptr);
  }
  ExpressionPtr bind(const std::string& name, duckdb::vector<ExpressionPtr> arguments, ExpressionPtr filter) const {
    auto& entry = duckdb::Catalog::GetSystemCatalog(input_.context)
                      .GetEntry<duckdb::AggregateFunctionCatalogEntry>(input_.context, DEFAULT_SCHEMA, name);
    auto function = entry.functions.GetFunctionByArguments(input_.context, {arguments[0]->return_type});
    return duckdb::FunctionBinder(input_.context)
        .BindAggregateFunction(std::move(function), std::move(arguments), std::move(filter));
  }

  duckdb::OptimizerExtensionInput& input_;
  const Side& side_;
  const duckdb::LogicalAggregate& whole_;
  const duckdb::idx_t groups_index_, partial_index_;
  std::vector<ExpressionPtr> keys_;
  duckdb::vector<ExpressionPtr> partial_, merged_;
  std::vector<ExpressionPtr> results_;
};

bool is_plain(const duckdb::LogicalAggregate& aggregate) {
  return aggregate.grouping_functions.empty() &&
         (aggregate.grouping_sets.empty() ||
          (aggregate.grouping_sets.size() == 1 && aggregate.grouping_sets[0].size() == aggregate.groups.size()));
}

/// What `aggregate` gave before its own columns became others: its groups, then `results`.
OperatorPtr with_results(duckdb::OptimizerExtensionInput& input, OperatorPtr op, std::vector<ExpressionPtr> results,
                         const duckdb::vector<LogicalType>& types) {
  auto& aggregate = op->Cast<duckdb::LogicalAggregate>();
  duckdb::vector<ExpressionPtr> values;
  for (size_t i = 0; i < aggregate.groups.size(); ++i) {
    values.push_back(
        duckdb::make_uniq<duckdb::BoundColumnRefExpression>(types[i], ColumnBinding(aggregate.group_index, i)));
  }
  for (auto& result : results) {
    values.push_back(
        duckdb::BoundCastExpression::AddCastToType(input.context, std::move(result), types[values.size()]));
  }
  auto projection =
      duckdb::make_uniq<duckdb::LogicalProjection>(input.optimizer.binder.GenerateTableIndex(), std::move(values));
  projection->children.push_back(std::move(op));
  projection->ResolveOperatorTypes();
  return projection;
}

bool group_side(duckdb::OptimizerExtensionInput& input, OperatorPtr& op, Side& side, LogicalOperator& root) {
  auto& whole = op->Cast<duckdb::LogicalAggregate>();
  PartialAggregates partial(input, side, whole);
  if (!partial.plan() || !partial.leaves_few_rows()) return false;
  auto grouped = partial.group(std::move(*side.rows));
  if (!translate_plan(*grouped)) {
    *side.rows = std::move(grouped->children[0]);
    return false;
  }
  *side.rows = std::move(grouped);
  const auto types = whole.types;
  const auto bindings = whole.GetColumnBindings();
  for (auto* above : side.above) partial.look_at_groups(*above);
  whole.expressions = partial.take_merged();
  partial.look_at_groups(whole);
  const auto is_root = op.get() == &root;
  op = with_results(input, std::move(op), partial.take_results(), types);
  if (is_root) return true;
  duckdb::ColumnBindingReplacer replacer;
  const auto shown = op->GetColumnBindings();
  for (size_t i = 0; i < bindings.size(); ++i) replacer.replacement_bindings.emplace_back(bindings[i], shown[i]);
  replacer.stop_operator = op.get();
  replacer.VisitOperator(root);
  return true;
}

}  // namespace

bool group_below_joins(duckdb::OptimizerExtensionInput& input, OperatorPtr& op, LogicalOperator& root) {
  if (op->type != LogicalOperatorType::LOGICAL_AGGREGATE_AND_GROUP_BY) return false;
  if (!is_plain(op->Cast<duckdb::LogicalAggregate>())) return false;
  std::vector<Side> sides;
  find_sides(op->children[0], {}, sides);
  return std::ranges::any_of(sides, [&](Side& side) { return group_side(input, op, side, root); });
}

}  // namespace weir::engine
