#include "engine/query_translation.h"

#include <algorithm>
#include <set>

#include <duckdb/planner/expression/bound_aggregate_expression.hpp>
#include <duckdb/planner/expression/bound_columnref_expression.hpp>
#include <duckdb/planner/operator/list.hpp>

#include "engine/aggregate_translation.h"
#include "engine/join_translation.h"
#include "engine/pushdown.h"
#include "engine/remote_relation.h"
#include "engine/remote_types.h"

namespace weir::engine {
namespace {

using duckdb::ColumnBinding;
using duckdb::Expression;
using duckdb::LogicalOperator;
using duckdb::LogicalOperatorType;
using Translation = std::expected<TranslatedQuery, Untranslated>;

std::unexpected<Untranslated> refuse(const LogicalOperator& op, std::string reason) {
  return std::unexpected(Untranslated{&op, std::move(reason)});
}

/// Who is asked for the rows of a sub-plan; empty for what is here.
std::set<std::string> sources_of(LogicalOperator& op) {
  if (const auto* relation = RemoteRelation::of(op)) {
    return {relation->table->connector->id + "@" + relation->table->snapshot};
  }
  std::set<std::string> sources;
  if (op.children.empty()) sources.emplace();
  for (const auto& child : op.children) sources.merge(sources_of(*child));
  return sources;
}

class PlanTranslator {
 public:
  Translation translate(LogicalOperator& op) const {
    auto translated = translate_any(op);
    if (!translated || !op.HasProjectionMap()) return translated;
    return keep(op, std::move(*translated), op.GetColumnBindings());
  }

 private:
  Translation translate_any(LogicalOperator& op) const {
    switch (op.type) {
      case LogicalOperatorType::LOGICAL_GET:
        return get(op.Cast<duckdb::LogicalGet>());
      case LogicalOperatorType::LOGICAL_FILTER:
        return filter(op);
      case LogicalOperatorType::LOGICAL_PROJECTION:
        return projection(op.Cast<duckdb::LogicalProjection>());
      case LogicalOperatorType::LOGICAL_AGGREGATE_AND_GROUP_BY:
        return aggregate(op.Cast<duckdb::LogicalAggregate>());
      case LogicalOperatorType::LOGICAL_DISTINCT:
        return distinct(op.Cast<duckdb::LogicalDistinct>());
      case LogicalOperatorType::LOGICAL_LIMIT:
        return limit(op.Cast<duckdb::LogicalLimit>());
      case LogicalOperatorType::LOGICAL_TOP_N: {
        auto& top = op.Cast<duckdb::LogicalTopN>();
        return first(op, *top.children[0], top.orders, top.limit, top.offset);
      }
      case LogicalOperatorType::LOGICAL_COMPARISON_JOIN:
        return comparison_join(op.Cast<duckdb::LogicalComparisonJoin>());
      case LogicalOperatorType::LOGICAL_CROSS_PRODUCT:
        return join(op, plan::JoinKind::inner, {});
      case LogicalOperatorType::LOGICAL_UNION:
        return set_operation(op.Cast<duckdb::LogicalSetOperation>());
      case LogicalOperatorType::LOGICAL_ORDER_BY:
        return refuse(op, "ORDER BY is pushed with a LIMIT only");
      case LogicalOperatorType::LOGICAL_WINDOW:
        return refuse(op, "window functions are never pushed");
      case LogicalOperatorType::LOGICAL_EXPLAIN:
      case LogicalOperatorType::LOGICAL_INSERT:
      case LogicalOperatorType::LOGICAL_CREATE_TABLE:
      case LogicalOperatorType::LOGICAL_COPY_TO_FILE:
      case LogicalOperatorType::LOGICAL_EXTENSION_OPERATOR:
        return refuse(op, "");  // nobody expects them on a source
      default:
        return refuse(op, duckdb::StringUtil::Replace(op.GetName(), "_", " ") + " is not pushed");
    }
  }

  static Translation get(duckdb::LogicalGet& get) {
    const auto* relation = RemoteRelation::of(get);
    if (relation == nullptr || relation->table->derived) return refuse(get, "a table that is here is read too");
    const auto& table = *relation->table;
    const auto capabilities = table.connector->source->capabilities();
    if (!capabilities) return refuse(get, "what the source can do is not known: " + capabilities.error().message);
    std::vector<plan::ExpressionPtr> filters;
    for (const auto& claimed : relation->claimed) {
      auto predicate = weir::engine::translate(*claimed, relation_columns(*relation));
      if (!predicate) return refuse(get, predicate.error());
      filters.push_back(std::move(*predicate));
    }
    TranslatedQuery translated{.tables = {relation->table},
                               .query = {table.info->name, table.info->columns, std::move(filters), *capabilities},
                               .outputs = {}};
    std::vector<plan::ExpressionPtr> columns;
    const auto& ids = get.GetColumnIds();
    for (size_t i = 0; i < ids.size(); ++i) {
      if (ids[i].IsVirtualColumn()) continue;  // nobody reads it
      columns.push_back(plan::make(plan::ColumnRef{ids[i].GetPrimaryIndex()}));
      translated.outputs.bindings.emplace_back(get.table_index, i);
    }
    translated.outputs.key = primary_key(table, get);
    const auto verdict = translated.query.select(columns);
    return done(get, verdict, std::move(translated));
  }

  /// Nothing when not all of it is read.
  static std::optional<std::vector<ColumnBinding>> primary_key(const BoundTable& table, const duckdb::LogicalGet& get) {
    if (table.info->primary_key.empty()) return {};
    std::vector<ColumnBinding> key;
    const auto& ids = get.GetColumnIds();
    for (const auto& name : table.info->primary_key) {
      const auto found = std::ranges::find_if(ids, [&](const duckdb::ColumnIndex& id) {
        return !id.IsVirtualColumn() && table.info->columns[id.GetPrimaryIndex()].name == name;
      });
      if (found == ids.end()) return {};
      key.emplace_back(get.table_index, found - ids.begin());
    }
    return key;
  }

  Translation filter(LogicalOperator& op) const {
    const auto* mark = unmarked_join(op);
    auto below = mark != nullptr ? not_in(*op.children[0], *mark) : translate(*op.children[0]);
    if (!below) return below;
    for (const auto& condition : op.expressions) {
      if (mark != nullptr && is_unmarked(*condition, *mark)) continue;
      auto predicate = weir::engine::translate(*condition, below->outputs.columns());
      if (!predicate) return refuse(op, predicate.error());
      if (auto verdict = below->query.filter(*predicate); !verdict) return refuse(op, verdict.error());
    }
    return below;
  }

  /// The mark of the rows that are left is false.
  Translation not_in(LogicalOperator& op, const duckdb::LogicalComparisonJoin& mark) const {
    auto joined = join(op, plan::JoinKind::not_in, mark.conditions);
    if (!joined) return joined;
    Selection selection;
    for (const auto& binding : op.children[0]->GetColumnBindings()) selection.pass(joined->outputs, binding, binding);
    selection.add(plan::make(to_constant(duckdb::Value::BOOLEAN(false)).value()), ColumnBinding(mark.mark_index, 0));
    return selected(op, std::move(selection), std::move(*joined));
  }

  Translation projection(duckdb::LogicalProjection& op) const {
    auto below = translate(*op.children[0]);
    if (!below) return below;
    Selection selection;
    for (size_t i = 0; i < op.expressions.size(); ++i) {
      const ColumnBinding binding(op.table_index, i);
      const auto* passed = binding_of(*op.expressions[i]);
      if (passed != nullptr && selection.pass(below->outputs, *passed, binding)) continue;
      auto value = weir::engine::translate(*op.expressions[i], below->outputs.columns());
      if (!value) return refuse(op, value.error());
      selection.add(std::move(*value), binding);
    }
    return selected(op, std::move(selection), std::move(*below));
  }

  Translation aggregate(duckdb::LogicalAggregate& op) const {
    const bool plain =
        op.grouping_functions.empty() &&
        (op.grouping_sets.empty() || (op.grouping_sets.size() == 1 && op.grouping_sets[0].size() == op.groups.size()));
    if (!plain) return refuse(op, "grouping sets are not pushed");
    auto below = translate(*op.children[0]);
    if (!below) return below;
    std::vector<plan::ExpressionPtr> keys;
    std::vector<plan::Aggregate> aggregates;
    QueryOutputs outputs;
    for (size_t i = 0; i < op.groups.size(); ++i) {
      auto key = weir::engine::translate(*op.groups[i], below->outputs.columns());
      if (!key) return refuse(op, "GROUP BY: " + key.error());
      keys.push_back(std::move(*key));
      outputs.bindings.emplace_back(op.group_index, i);
    }
    for (size_t i = 0; i < op.expressions.size(); ++i) {
      const auto& aggregated = op.expressions[i]->Cast<duckdb::BoundAggregateExpression>();
      auto call = translate_aggregate(aggregated, below->outputs.columns());
      if (!call) return refuse(op, aggregated.function.name + ": " + call.error());
      const ColumnBinding value(op.aggregate_index, i);
      aggregates.push_back(std::move(call->value));
      outputs.bindings.push_back(value);
      if (!call->count) continue;
      const ColumnBinding count(op.aggregate_index, op.expressions.size() + i);  // nobody else uses it
      aggregates.push_back(std::move(*call->count));
      outputs.bindings.push_back(count);
      outputs.averages.push_back({value, count, aggregated.children[0]->return_type});
    }
    outputs.key.emplace(outputs.bindings.begin(), outputs.bindings.begin() + static_cast<std::ptrdiff_t>(keys.size()));
    auto verdict = below->query.group(keys, aggregates);
    below->outputs = std::move(outputs);
    below->reduces = true;
    return done(op, verdict, std::move(*below));
  }

  Translation distinct(duckdb::LogicalDistinct& op) const {
    if (op.distinct_type != duckdb::DistinctType::DISTINCT || op.order_by) {
      return refuse(op, "DISTINCT ON is not pushed");
    }
    auto below = translate(*op.children[0]);
    if (!below) return below;
    if (!below->outputs.averages.empty()) return refuse(op, "DISTINCT of an AVG is not pushed");
    if (op.distinct_targets.size() != below->outputs.bindings.size()) {
      return refuse(op, "DISTINCT of some columns is not pushed");
    }
    below->reduces = true;
    auto verdict = below->query.distinct();
    return done(op, verdict, std::move(*below));
  }

  Translation first(LogicalOperator& op, LogicalOperator& child, const duckdb::vector<duckdb::BoundOrderByNode>& orders,
                    uint64_t limit, uint64_t offset) const {
    auto below = translate(child);
    if (!below) return below;
    std::vector<plan::SortKey> keys;
    for (const auto& order : orders) {
      auto key = weir::engine::translate(*order.expression, below->outputs.columns());
      if (!key) return refuse(op, "ORDER BY: " + key.error());
      keys.push_back({std::move(*key), order.type == duckdb::OrderType::DESCENDING,
                      order.null_order == duckdb::OrderByNullType::NULLS_FIRST});
    }
    below->reduces = true;
    auto verdict = below->query.first(keys, limit, offset);
    return done(op, verdict, std::move(*below));
  }

  Translation limit(duckdb::LogicalLimit& op) const {
    using Kind = duckdb::LimitNodeType;
    const auto offset_kind = op.offset_val.Type();
    if (op.limit_val.Type() == Kind::UNSET) return refuse(op, "");
    if (op.limit_val.Type() != Kind::CONSTANT_VALUE ||
        (offset_kind != Kind::CONSTANT_VALUE && offset_kind != Kind::UNSET)) {
      return refuse(op, "LIMIT is not a constant number of rows");
    }
    const uint64_t limit = op.limit_val.GetConstantValue();
    const uint64_t offset = offset_kind == Kind::UNSET ? 0 : op.offset_val.GetConstantValue();
    if (limit > uint64_t{INT64_MAX} || offset > uint64_t{INT64_MAX}) return refuse(op, "LIMIT is too large");
    auto& child = *op.children[0];
    if (child.type == LogicalOperatorType::LOGICAL_ORDER_BY) {
      auto& order = child.Cast<duckdb::LogicalOrder>();
      return first(op, *order.children[0], order.orders, limit, offset);
    }
    auto below = translate(child);
    if (!below) return below;
    below->reduces = true;
    auto verdict = below->query.limit(limit, offset);
    return done(op, verdict, std::move(*below));
  }

  Translation comparison_join(duckdb::LogicalComparisonJoin& op) const {
    const auto kind = join_kind(op);
    if (!kind) return refuse(op, kind.error());
    return join(op, *kind, op.conditions);
  }

  /// A comparison join, or without `conditions` a cross product.
  Translation join(LogicalOperator& op, plan::JoinKind kind,
                   const duckdb::vector<duckdb::JoinCondition>& conditions) const {
    if (sources_of(op).size() > 1) return refuse(op, std::string(kCrossSourceJoin));
    auto left = translate(*op.children[0]);
    if (!left) return left;
    auto right = translate(*op.children[1]);
    if (!right) return right;
    const auto left_count = left->outputs.bindings.size();
    const bool left_only = plan::keeps_left_only(kind);
    auto both = left->outputs;
    both.bindings.insert(both.bindings.end(), right->outputs.bindings.begin(), right->outputs.bindings.end());
    both.averages.insert(both.averages.end(), right->outputs.averages.begin(), right->outputs.averages.end());
    std::vector<plan::ExpressionPtr> on;
    for (const auto& condition : conditions) {
      auto compared = translate_condition(condition, both.columns());
      if (!compared) return refuse(op, "JOIN: " + compared.error());
      on.push_back(std::move(*compared));
    }
    const EquatedColumns equated(on, left_count);
    const bool left_is_one = left->outputs.has_key_in(equated.left);
    const bool right_is_one = right->outputs.has_key_in(equated.right);
    const bool by_key = gives_no_more_rows(kind, left_is_one, right_is_one);
    both.key.reset();
    // Rows that meet one row of the other side at most are still known by what they were known by.
    if (right_is_one && (kind == plan::JoinKind::inner || kind == plan::JoinKind::left)) {
      both.key = left->outputs.key;
    } else if (left_is_one && (kind == plan::JoinKind::inner || kind == plan::JoinKind::right)) {
      both.key = right->outputs.key;
    }
    TranslatedQuery joined{.tables = std::move(left->tables),
                           .query = std::move(left->query),
                           .outputs = left_only ? std::move(left->outputs) : std::move(both),
                           .reduces = false,
                           .joins_by_key = by_key && may_be_joined(*left) && (left_only || may_be_joined(*right))};
    joined.tables.insert(joined.tables.end(), right->tables.begin(), right->tables.end());
    const auto verdict = joined.query.join(kind, std::move(right->query), on);
    return done(op, verdict, std::move(joined));
  }

  static bool may_be_joined(const TranslatedQuery& side) { return side.reduces || side.joins_by_key; }

  Translation set_operation(duckdb::LogicalSetOperation& op) const {
    if (sources_of(op).size() > 1) return refuse(op, "UNION ALL over several sources");
    std::optional<TranslatedQuery> all;
    std::vector<plan::QueryBuilder> others;
    for (const auto& child : op.children) {
      auto part = translate(*child);
      if (!part) return part;
      auto kept = keep(op, std::move(*part), child->GetColumnBindings());
      if (!kept) return kept;
      if (!kept->outputs.averages.empty()) return refuse(op, "UNION ALL of an AVG is not pushed");
      if (!all) {
        all = std::move(*kept);
        continue;
      }
      all->tables.insert(all->tables.end(), kept->tables.begin(), kept->tables.end());
      others.push_back(std::move(kept->query));
    }
    if (auto verdict = all->query.union_all(std::move(others)); !verdict) return refuse(op, verdict.error());
    all->outputs = {};
    for (size_t i = 0; i < op.column_count; ++i) all->outputs.bindings.emplace_back(op.table_index, i);
    if (op.setop_all) return std::move(*all);
    all->reduces = true;
    const auto verdict = all->query.distinct();
    return done(op, verdict, std::move(*all));
  }

  /// Only the columns `wanted`, in this order.
  static Translation keep(LogicalOperator& op, TranslatedQuery translated, const std::vector<ColumnBinding>& wanted) {
    Selection selection;
    for (const auto& binding : wanted) {
      if (!selection.pass(translated.outputs, binding, binding)) {
        return refuse(op, "a column that the source does not have is read");
      }
    }
    return selected(op, std::move(selection), std::move(translated));
  }

  static Translation selected(const LogicalOperator& op, Selection selection, TranslatedQuery query) {
    const auto verdict = query.query.select(selection.values());
    query.outputs = std::move(selection).take_outputs(query.outputs);
    return done(op, verdict, std::move(query));
  }

  static Translation done(const LogicalOperator& op, const plan::QueryBuilder::Verdict& verdict,
                          TranslatedQuery translated) {
    if (!verdict) return refuse(op, verdict.error());
    return translated;
  }
};

}  // namespace

std::expected<TranslatedQuery, Untranslated> translate_plan(LogicalOperator& plan) {
  return PlanTranslator().translate(plan);
}

}  // namespace weir::engine
