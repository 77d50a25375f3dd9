#include "engine/dynamic_filters.h"

#include <algorithm>

#include <duckdb/optimizer/join_filter_pushdown_optimizer.hpp>
#include <duckdb/planner/filter/conjunction_filter.hpp>
#include <duckdb/planner/filter/constant_filter.hpp>
#include <duckdb/planner/filter/in_filter.hpp>
#include <duckdb/planner/filter/optional_filter.hpp>
#include <duckdb/planner/operator/logical_distinct.hpp>
#include <duckdb/planner/operator/logical_get.hpp>

#include "engine/pushdown.h"
#include "engine/remote_relation.h"
#include "engine/remote_types.h"
#include "engine/switch_setting.h"

namespace weir::engine {
namespace {

using duckdb::LogicalOperator;
using duckdb::LogicalOperatorType;
using duckdb::TableFilterType;
using plan::ExpressionPtr;

/// Fewer rows below it are other rows above it. DuckDB's own pass goes through such operators.
bool chooses_rows(const LogicalOperator& op) {
  return op.type == LogicalOperatorType::LOGICAL_LIMIT || op.type == LogicalOperatorType::LOGICAL_TOP_N ||
         (op.type == LogicalOperatorType::LOGICAL_DISTINCT &&
          op.Cast<duckdb::LogicalDistinct>().distinct_type == duckdb::DistinctType::DISTINCT_ON);
}

/// Remote scans take part when a join stands above them and nothing that chooses rows in between. True: one does.
bool admit(LogicalOperator& op, bool below_join, bool below_choice) {
  if (RemoteRelation::of(op) != nullptr) {
    const bool takes_part = below_join && !below_choice;
    op.Cast<duckdb::LogicalGet>().function.filter_pushdown = takes_part;
    return takes_part;
  }
  if (op.type == LogicalOperatorType::LOGICAL_COMPARISON_JOIN) below_join = true;
  if (below_join && chooses_rows(op)) below_choice = true;
  bool any = false;
  for (const auto& child : op.children) any |= admit(*child, below_join, below_choice);
  return any;
}

class FilterTranslation {
 public:
  explicit FilterTranslation(ExpressionPtr column) : column_(std::move(column)) {}

  /// Filters of other kinds are left out: the join checks its rows itself.
  void add(const duckdb::TableFilter& filter) {
    switch (filter.filter_type) {
      case TableFilterType::OPTIONAL_FILTER: {
        const auto& child = filter.Cast<duckdb::OptionalFilter>().child_filter;
        if (child) add(*child);
        break;
      }
      case TableFilterType::CONJUNCTION_AND:
        for (const auto& child : filter.Cast<duckdb::ConjunctionAndFilter>().child_filters) add(*child);
        break;
      case TableFilterType::CONSTANT_COMPARISON: {
        const auto& comparison = filter.Cast<duckdb::ConstantFilter>();
        const auto op = comparison_of(comparison.comparison_type);
        auto constant = to_constant(comparison.constant);
        if (!op || !constant) break;
        bounds_.push_back(plan::make(plan::Compare{*op, column_, plan::make(std::move(*constant))}));
        break;
      }
      case TableFilterType::IN_FILTER:
        add_list(filter.Cast<duckdb::InFilter>());
        break;
      default:
        break;
    }
  }

  /// The list of the values says more than their range.
  std::vector<ExpressionPtr> best(std::span<const plan::Column> columns, const plan::Capabilities& capabilities) const {
    const auto may = [&](const ExpressionPtr& one) { return may_push(*one, columns, capabilities).has_value(); };
    if (list_ && may(list_)) return {list_};
    std::vector<ExpressionPtr> all;
    std::ranges::copy_if(bounds_, std::back_inserter(all), may);
    return all;
  }

 private:
  void add_list(const duckdb::InFilter& filter) {
    plan::In in{column_, {}, false};
    for (const auto& value : filter.values) {
      auto constant = to_constant(value);
      if (!constant) return;
      in.values.push_back(std::move(*constant));
    }
    list_ = plan::make(std::move(in));
  }

  ExpressionPtr column_;
  ExpressionPtr list_;
  std::vector<ExpressionPtr> bounds_;
};

}  // namespace

void offer_dynamic_filters(duckdb::OptimizerExtensionInput& input, LogicalOperator& plan) {
  if (!is_switched_on(input.context, kDynamicFilterSetting) || !pushdown_enabled(input.context)) return;
  if (!admit(plan, false, false)) return;
  // DuckDB's last pass, once more: before, its filters on constants would have come in the same way, unasked for.
  duckdb::JoinFilterPushdownOptimizer(input.optimizer).VisitOperator(plan);
}

std::vector<ExpressionPtr> DynamicFilters::predicates(const duckdb::PhysicalTableScan& placeholder,
                                                      std::span<const plan::Column> scanned,
                                                      const plan::Capabilities& capabilities) const {
  if (!filters->HasFilters()) return {};
  const auto sent = filters->GetFinalTableFilters(placeholder, nullptr);
  if (!sent) return {};
  std::vector<ExpressionPtr> all;
  for (const auto& [position, filter] : sent->filters) {
    const auto column = position < columns.size() ? columns[position] : std::nullopt;
    if (!column) continue;
    FilterTranslation translation(plan::make(plan::ColumnRef{*column}));
    translation.add(*filter);
    for (auto& predicate : translation.best(scanned, capabilities)) all.push_back(std::move(predicate));
  }
  return all;
}

}  // namespace weir::engine
