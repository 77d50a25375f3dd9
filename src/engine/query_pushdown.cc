#include "engine/query_pushdown.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include <duckdb/optimizer/column_binding_replacer.hpp>
#include <duckdb/optimizer/cte_inlining.hpp>
#include <duckdb/optimizer/deliminator.hpp>
#include <duckdb/optimizer/filter_pullup.hpp>
#include <duckdb/optimizer/filter_pushdown.hpp>
#include <duckdb/optimizer/optimizer.hpp>
#include <duckdb/planner/binder.hpp>
#include <duckdb/planner/expression/bound_cast_expression.hpp>
#include <duckdb/planner/expression/bound_columnref_expression.hpp>
#include <duckdb/planner/operator/list.hpp>

#include "engine/average.h"
#include "engine/never_null.h"
#include "engine/partial_aggregates.h"
#include "engine/query_estimate.h"
#include "engine/query_translation.h"
#include "engine/remote_relation.h"
#include "engine/remote_types.h"
#include "engine/scalar_subqueries.h"

namespace weir::engine {
namespace {

using duckdb::ColumnBinding;
using duckdb::LogicalOperator;
using duckdb::LogicalOperatorType;
using OperatorPtr = duckdb::unique_ptr<LogicalOperator>;

/// DuckDB keeps the rows of a top-N in memory, and takes one for no more rows than this whatever the table's size.
constexpr uint64_t kTopRowsMax = 5000;
/// Estimates beyond this are all the same.
constexpr double kRowsMax = 1e15;

void push_filters(duckdb::Optimizer& optimizer, OperatorPtr& plan) {
  duckdb::FilterPushdown pushdown(optimizer);
  duckdb::unordered_set<duckdb::idx_t> top;
  pushdown.CheckMarkToSemi(*plan, top);
  plan = pushdown.Rewrite(std::move(plan));
}

size_t count_delim_joins(const LogicalOperator& op) {
  size_t count = op.type == LogicalOperatorType::LOGICAL_DELIM_JOIN;
  for (const auto& child : op.children) count += count_delim_joins(*child);
  return count;
}

/// DuckDB's own passes that bring a bound plan into a shape that can be pushed: filters in the scans, IN and EXISTS as
/// semi joins, subqueries decorrelated, CTEs in their place. They run again later, on a smaller plan.
void normalize(duckdb::Optimizer& optimizer, OperatorPtr& plan) {
  optimizer.rewriter.VisitOperator(*plan);
  plan = duckdb::CTEInlining(optimizer).Optimize(std::move(plan));
  plan = duckdb::FilterPullup().Rewrite(std::move(plan));
  push_filters(optimizer, plan);
  // A filter keeps the pass from decorrelating what is above it, and it leaves filters itself.
  for (auto left = count_delim_joins(*plan); left > 0;) {
    plan = duckdb::Deliminator().Optimize(std::move(plan));
    const auto before = std::exchange(left, count_delim_joins(*plan));
    if (left == before) break;
    if (left > 0) push_filters(optimizer, plan);
  }
  plan = duckdb::CTEInlining(optimizer).Optimize(std::move(plan));
  simplify_scalar_subqueries(*plan);
}

/// A look-up need not pay for more.
bool is_only_scans(const LogicalOperator& op) {
  const bool scans = op.type == LogicalOperatorType::LOGICAL_GET || op.type == LogicalOperatorType::LOGICAL_FILTER ||
                     op.type == LogicalOperatorType::LOGICAL_PROJECTION;
  return scans && std::ranges::all_of(op.children, [](const auto& child) { return is_only_scans(*child); });
}

class QueryPushdown {
 public:
  QueryPushdown(duckdb::OptimizerExtensionInput& input, OperatorPtr& root) : input_(input), root_(root) {}

  void visit(OperatorPtr& slot) {
    if (RemoteRelation::of(*slot) != nullptr || replace(slot)) return;
    test_existence_first(slot);
    const bool grouped_below = group_below_joins(input_, slot, *root_);
    for (auto& child : (grouped_below ? slot->children[0] : slot)->children) visit(child);
  }

  /// Tells the relations below an operator that stays here why it does.
  void note_reasons() const { note(*root_, {}); }

 private:
  void note(LogicalOperator& op, std::vector<std::string> above) const {
    const auto found = stays_.find(&op);
    if (found != stays_.end() && !found->second.empty() && !is_scans_own(op)) above.push_back(found->second);
    if (auto* relation = RemoteRelation::of(op)) relation->reasons = {above.rbegin(), above.rend()};
    for (const auto& child : op.children) note(*child, above);
  }

  /// What a scan tells by itself: the filters that it does not take.
  static bool is_scans_own(LogicalOperator& op) {
    return op.type == LogicalOperatorType::LOGICAL_FILTER && RemoteRelation::of(*op.children[0]) != nullptr;
  }

  bool replace(OperatorPtr& slot) {
    auto translated = translate_plan(*slot);
    if (!translated) {
      stays_.emplace(translated.error().op, translated.error().reason);
      return false;
    }
    if (!translated->query.is_worth_pushing()) return false;
    if (!translated->reduces && !translated->joins_by_key) {
      stays_.emplace(slot.get(), "the join may give more rows than its tables have");
      return false;
    }
    // Rows arrive in the source's order, but nothing above promises to keep it: the few rows are sorted again.
    auto sort = translated->query.is_ordered() ? take_sort(*slot, translated->query.limit().value()) : nullptr;
    if (translated->query.is_ordered() && !sort) return false;
    put_scan(slot, *translated, std::move(sort));
    return true;
  }

  /// What sorts the rows here once more, without its offset, which is the source's; nothing when something stands
  /// between. A full sort, which spills, unless the rows are few: DuckDB 1.5.5's gives 0.0 for -0.0.
  static OperatorPtr take_sort(LogicalOperator& op, uint64_t limit) {
    if (op.type == LogicalOperatorType::LOGICAL_TOP_N) {
      return sort_by(std::move(op.Cast<duckdb::LogicalTopN>().orders), limit);
    }
    const bool sorted =
        op.type == LogicalOperatorType::LOGICAL_LIMIT && op.children[0]->type == LogicalOperatorType::LOGICAL_ORDER_BY;
    if (!sorted) return nullptr;
    auto& order = op.children[0]->Cast<duckdb::LogicalOrder>();
    auto sort = sort_by(std::move(order.orders), limit);
    sort->children = std::move(order.children);
    return sort;
  }

  static OperatorPtr sort_by(duckdb::vector<duckdb::BoundOrderByNode> orders, uint64_t limit) {
    if (limit <= kTopRowsMax) return duckdb::make_uniq<duckdb::LogicalTopN>(std::move(orders), limit, 0);
    return duckdb::make_uniq<duckdb::LogicalOrder>(std::move(orders));
  }

  void put_scan(OperatorPtr& slot, const TranslatedQuery& translated, OperatorPtr sort) {
    auto& replaced = sort && !sort->children.empty() ? *sort->children[0] : *slot;
    const auto bindings = replaced.GetColumnBindings();
    replaced.ResolveOperatorTypes();
    const auto types = replaced.types;
    auto scan = make_scan(translated);
    auto shown = as_typed(std::move(scan), translated, bindings, types);
    const auto index = shown->GetTableIndex().front();
    if (sort) {
      sort->children.clear();
      sort->children.push_back(std::move(shown));
      slot = std::move(sort);
    } else {
      slot = std::move(shown);
    }
    duckdb::ColumnBindingReplacer replacer;
    for (size_t i = 0; i < bindings.size(); ++i) {
      replacer.replacement_bindings.emplace_back(bindings[i], ColumnBinding(index, i));
    }
    replacer.VisitOperator(*root_);
  }

  duckdb::unique_ptr<duckdb::LogicalGet> make_scan(const TranslatedQuery& translated) {
    const auto& columns = translated.query.columns();
    auto table = Federation::of(input_.context).keep(derived_table(translated));
    duckdb::vector<duckdb::LogicalType> types;
    duckdb::vector<duckdb::string> names;
    duckdb::vector<duckdb::ColumnIndex> ids;
    for (size_t i = 0; i < columns.size(); ++i) {
      types.push_back(to_logical_type(columns[i].type));
      names.push_back(columns[i].name);
      ids.emplace_back(i);
    }
    auto function = remote_scan_function();
    auto relation = duckdb::make_uniq<RemoteRelation>(std::move(table));
    auto virtual_columns = function.get_virtual_columns(input_.context, relation.get());
    auto scan = duckdb::make_uniq<duckdb::LogicalGet>(input_.optimizer.binder.GenerateTableIndex(), function,
                                                      std::move(relation), types, names, virtual_columns);
    scan->SetColumnIds(std::move(ids));
    scan->ResolveOperatorTypes();
    return scan;
  }

  static BoundTable derived_table(const TranslatedQuery& translated) {
    const auto query = translated.query.build();
    const auto expected = estimate(*query, tables_among(translated.tables));
    auto info = std::make_shared<connector::TableInfo>();
    BoundTable table = *translated.tables.front();
    info->name = table.info->name;
    info->columns = translated.query.columns();
    info->estimated_rows = static_cast<uint64_t>(std::llround(std::min(expected.rows, kRowsMax)));
    for (const double distinct : expected.distinct) info->statistics.push_back({.distinct_values = distinct});
    table.info = info.get();
    table.derived = std::make_shared<DerivedTable>(DerivedTable{std::move(info), query, translated.tables});
    return table;
  }

  /// The scan's columns in the order and with the types that the plan above expects: a sum is HUGEINT here.
  OperatorPtr as_typed(duckdb::unique_ptr<duckdb::LogicalGet> scan, const TranslatedQuery& translated,
                       const duckdb::vector<ColumnBinding>& bindings,
                       const duckdb::vector<duckdb::LogicalType>& types) {
    const auto column = [&](const ColumnBinding& binding) {
      const auto found = translated.outputs.position(binding);
      if (!found) throw duckdb::InternalException("a pushed query lacks a column");
      return duckdb::make_uniq<duckdb::BoundColumnRefExpression>(scan->types[*found],
                                                                 ColumnBinding(scan->table_index, *found));
    };
    duckdb::vector<duckdb::unique_ptr<duckdb::Expression>> values;
    for (size_t i = 0; i < bindings.size(); ++i) {
      duckdb::unique_ptr<duckdb::Expression> value = column(bindings[i]);
      if (const auto* average = translated.outputs.average(bindings[i])) {
        value = divide_sum(average->input, std::move(value), column(average->count));
      }
      values.push_back(duckdb::BoundCastExpression::AddCastToType(input_.context, std::move(value), types[i]));
    }
    auto projection =
        duckdb::make_uniq<duckdb::LogicalProjection>(input_.optimizer.binder.GenerateTableIndex(), std::move(values));
    projection->children.push_back(std::move(scan));
    projection->ResolveOperatorTypes();
    return projection;
  }

  duckdb::OptimizerExtensionInput& input_;
  OperatorPtr& root_;
  std::map<const LogicalOperator*, std::string> stays_;
};

}  // namespace

void push_queries(duckdb::OptimizerExtensionInput& input, OperatorPtr& plan) {
  if (is_only_scans(*plan)) return;
  normalize(input.optimizer, plan);
  plan->ResolveOperatorTypes();
  QueryPushdown pushdown(input, plan);
  pushdown.visit(plan);
  pushdown.note_reasons();
  equate_what_is_never_null(*plan);
}

}  // namespace weir::engine
