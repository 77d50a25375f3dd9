#include "engine/dynamic_filters.h"

#include <algorithm>
#include <iterator>

#include <duckdb/main/client_config.hpp>
#include <duckdb/main/settings.hpp>
#include <duckdb/optimizer/join_filter_pushdown_optimizer.hpp>
#include <duckdb/planner/filter/conjunction_filter.hpp>
#include <duckdb/planner/filter/constant_filter.hpp>
#include <duckdb/planner/filter/in_filter.hpp>
#include <duckdb/planner/filter/optional_filter.hpp>
#include <duckdb/planner/operator/logical_distinct.hpp>
#include <duckdb/planner/operator/logical_get.hpp>
#include <fmt/format.h>

#include "engine/hidden_conditions.h"
#include "engine/key_list_cost.h"
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

/// What joins have found of one column.
class ColumnKeys {
 public:
  ColumnKeys(const connector::TableInfo& table, size_t column)
      : table_(table), index_(column), column_(plan::make(plan::ColumnRef{column})) {}

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

  /// The list of the values says more than their range, and costs more.
  void send(uint64_t rows, const plan::Capabilities& capabilities, SentKeys& sent) const {
    const auto may = [&](const ExpressionPtr& one) { return may_push(*one, table_.columns, capabilities).has_value(); };
    if (list_ && may(list_)) {
      const KeyListCase one{.keys = length_, .rows = static_cast<double>(rows), .column = statistics()};
      if (list_pays(one)) {
        sent.filters.push_back(list_);
        return;
      }
      sent.reasons.push_back(
          fmt::format("a list of {} keys of {} would leave about {:.0f} of {} rows: their range is sent", length_,
                      table_.columns[index_].name, rows_left_by(one), rows));
    }
    std::ranges::copy_if(bounds_, std::back_inserter(sent.filters), may);
  }

 private:
  connector::ColumnStatistics statistics() const {
    return index_ < table_.statistics.size() ? table_.statistics[index_] : connector::ColumnStatistics();
  }

  void add_list(const duckdb::InFilter& filter) {
    plan::In in{column_, {}, false};
    for (const auto& value : filter.values) {
      auto constant = to_constant(value);
      if (!constant) return;
      in.values.push_back(std::move(*constant));
    }
    length_ = in.values.size();
    list_ = plan::make(std::move(in));
  }

  const connector::TableInfo& table_;
  size_t index_;
  ExpressionPtr column_;
  ExpressionPtr list_;
  size_t length_ = 0;
  std::vector<ExpressionPtr> bounds_;
};

}  // namespace

void offer_dynamic_filters(duckdb::OptimizerExtensionInput& input, LogicalOperator& plan) {
  if (!is_switched_on(input.context, kDynamicFilterSetting) || !pushdown_enabled(input.context)) return;
  if (!admit(plan, false, false)) return;
  const HiddenConditions hidden(plan);
  // DuckDB's last pass, once more: before, its filters on constants would have come in the same way, unasked for.
  duckdb::JoinFilterPushdownOptimizer(input.optimizer).VisitOperator(plan);
}

void set_key_rows_max(duckdb::ClientContext& client, uint64_t rows) {
  duckdb::ClientConfig::GetConfig(client).user_settings.SetUserSetting(
      duckdb::DynamicOrFilterThresholdSetting::SettingIndex, duckdb::Value::UBIGINT(rows));
}

SentKeys DynamicFilters::keys(const duckdb::PhysicalTableScan& placeholder, const connector::TableInfo& table,
                              uint64_t rows, const plan::Capabilities& capabilities) const {
  SentKeys sent;
  if (!filters->HasFilters()) return sent;
  const auto found = filters->GetFinalTableFilters(placeholder, nullptr);
  if (!found) return sent;
  auto allowed = capabilities;
  allowed.in_list_length_max = capabilities.key_list_length_max;
  for (const auto& [position, filter] : found->filters) {
    const auto column = position < columns.size() ? columns[position] : std::nullopt;
    if (!column) continue;
    ColumnKeys keys(table, *column);
    keys.add(*filter);
    keys.send(rows, allowed, sent);
  }
  return sent;
}

}  // namespace weir::engine
