#include "engine/pushdown_rule.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>

#include <duckdb/planner/expression/bound_parameter_expression.hpp>
#include <duckdb/planner/logical_operator_visitor.hpp>
#include <duckdb/planner/operator/logical_limit.hpp>

#include "engine/dynamic_filters.h"
#include "engine/pushdown_estimate.h"
#include "engine/query_context.h"
#include "engine/query_pushdown.h"
#include "engine/query_translation.h"
#include "engine/remote_relation.h"
#include "engine/remote_scan.h"
#include "plan/query_summary.h"

namespace weir::engine {
namespace {

using duckdb::LogicalOperator;
using duckdb::LogicalOperatorType;

constexpr std::string_view kPushdownOff = "pushdown is off (weir_pushdown = false)";

void for_each_operator(LogicalOperator& op, const std::function<void(LogicalOperator&)>& visit) {
  visit(op);
  for (const auto& child : op.children) for_each_operator(*child, visit);
}

std::vector<RemoteRelation*> relations_of(LogicalOperator& plan) {
  std::vector<RemoteRelation*> relations;
  for_each_operator(plan, [&](LogicalOperator& op) {
    if (auto* relation = RemoteRelation::of(op)) relations.push_back(relation);
  });
  return relations;
}

/// Parameters have no values while a statement is prepared; a filter or a limit can be pushed only when they have.
void bind_parameters_anew(LogicalOperator& plan) {
  for_each_operator(plan, [](LogicalOperator& op) {
    duckdb::LogicalOperatorVisitor::EnumerateExpressions(op, [](duckdb::unique_ptr<duckdb::Expression>* expression) {
      if ((*expression)->HasParameter()) duckdb::BoundParameterExpression::InvalidateRecursive(**expression);
    });
  });
}

void note_bound(duckdb::OptimizerExtensionInput& input, duckdb::unique_ptr<LogicalOperator>& plan) {
  const auto relations = relations_of(*plan);
  if (relations.empty()) return;
  bind_parameters_anew(*plan);
  const auto query = QueryContext::of(input.context);
  if (!query) return;
  std::vector<std::shared_ptr<const BoundTable>> tables;
  for (const auto* relation : relations) tables.push_back(relation->table);
  query->bound(std::move(tables));
}

/// Which tables the statement names is noted before queries take their place.
void before_optimization(duckdb::OptimizerExtensionInput& input, duckdb::unique_ptr<LogicalOperator>& plan) {
  note_bound(input, plan);
  if (pushdown_enabled(input.context) && !relations_of(*plan).empty()) push_queries(input, plan);
}

/// What stands above a scan, as far as the scan is concerned.
struct Above {
  std::optional<uint64_t> limit;     ///< so many rows are enough
  bool aggregate = false;            ///< rows are grouped here
  std::vector<std::string> reasons;  ///< why a LIMIT stays here

  void add(std::string reason) {
    if (std::ranges::find(reasons, reason) == reasons.end()) reasons.push_back(std::move(reason));
  }
};

/// The rows that a LIMIT lets its child give at most; nothing unless it is a constant.
std::optional<uint64_t> rows_needed(const duckdb::LogicalLimit& limit, std::optional<uint64_t> needed_above) {
  using Kind = duckdb::LimitNodeType;
  if (limit.limit_val.Type() != Kind::CONSTANT_VALUE && limit.limit_val.Type() != Kind::UNSET) return {};
  if (limit.offset_val.Type() != Kind::CONSTANT_VALUE && limit.offset_val.Type() != Kind::UNSET) return {};
  const uint64_t offset = limit.offset_val.Type() == Kind::UNSET ? 0 : limit.offset_val.GetConstantValue();
  auto rows = needed_above;
  if (limit.limit_val.Type() == Kind::CONSTANT_VALUE) {
    const uint64_t own = limit.limit_val.GetConstantValue();
    rows = rows ? std::min(*rows, own) : own;
  }
  uint64_t total = 0;
  if (!rows || __builtin_add_overflow(*rows, offset, &total) || total > uint64_t{INT64_MAX}) return {};
  return total;
}

class ScanReplacement {
 public:
  ScanReplacement(duckdb::ClientContext& client, LogicalOperator& plan) : client_(client) { count_reads(plan, 1); }

  void visit(duckdb::unique_ptr<LogicalOperator>& op, Above above) {
    if (auto* relation = RemoteRelation::of(*op)) {
      replace(op, *relation, std::move(above));
      return;
    }
    note(*op, above);
    for (auto& child : op->children) visit(child, above);
  }

  std::vector<std::shared_ptr<ScanRecord>> take_records() { return std::move(records_); }

 private:
  /// A recursive query may read a table in each of its steps: more than once, and nobody knows how often.
  void count_reads(LogicalOperator& op, int times) {
    if (auto* relation = RemoteRelation::of(op)) reads_[relation->table->connector->id] += times;
    if (op.type == LogicalOperatorType::LOGICAL_RECURSIVE_CTE) times = 2;
    for (const auto& child : op.children) count_reads(*child, times);
  }

  /// What `op` means for the scans below it.
  void note(LogicalOperator& op, Above& above) {
    switch (op.type) {
      case LogicalOperatorType::LOGICAL_PROJECTION:
        return;
      case LogicalOperatorType::LOGICAL_LIMIT:
        return note_limit(op.Cast<duckdb::LogicalLimit>(), above);
      case LogicalOperatorType::LOGICAL_FILTER:
        if (above.limit) above.add("LIMIT stays above filters that stay here");
        break;
      case LogicalOperatorType::LOGICAL_AGGREGATE_AND_GROUP_BY:
        above.aggregate = true;
        break;
      default:
        break;
    }
    above.limit.reset();
  }

  void note_limit(const duckdb::LogicalLimit& limit, Above& above) const {
    if (!pushdown_enabled(client_)) {
      above.add("LIMIT: " + std::string(kPushdownOff));
      return;
    }
    above.limit = rows_needed(limit, above.limit);
    const bool bare_offset = limit.limit_val.Type() == duckdb::LimitNodeType::UNSET;
    if (!above.limit && !bare_offset) above.add("LIMIT is not a constant number of rows");
  }

  void replace(duckdb::unique_ptr<LogicalOperator>& op, const RemoteRelation& relation, Above above) {
    auto get = duckdb::unique_ptr_cast<LogicalOperator, duckdb::LogicalGet>(std::move(op));
    if (!get->table_filters.filters.empty()) {
      throw duckdb::InternalException("a remote scan was given a filter that it did not ask for");
    }
    RemoteScanPlan plan;
    auto order = std::make_shared<ReadOrder>();
    const auto& info = *relation.table->info;
    order->connector = relation.table->connector;
    const auto capabilities = order->connector->source->capabilities();
    if (above.limit && (!capabilities || !capabilities->limit)) {
      above.limit.reset();
      above.add("LIMIT: the source has none");
    }
    order->expected_reads = reads_[order->connector->id];
    order->snapshot = relation.table->snapshot;
    order->scan.table = info.name;
    if (relation.table->derived) order->scan.query = relation.table->derived->query;
    order->scan.columns = info.columns;
    order->scan.limit = above.limit;
    order->info = {relation.table, relation.table->info};
    project(*get, order->scan, plan.outputs);
    plan.dynamic = {get->dynamic_filters, scanned_columns(*get)};
    int next_parameter = 1;
    auto summary = summarize(relation, above, order->scan, next_parameter);
    order->record = std::make_shared<ScanRecord>(std::move(summary), next_parameter);
    order->scan.estimated_rows = estimate_rows(info, order->scan.filters);
    if (above.limit) order->scan.estimated_rows = std::min(order->scan.estimated_rows, *above.limit);
    records_.push_back(order->record);
    plan.order = std::move(order);
    op = duckdb::make_uniq<LogicalRemoteScan>(std::move(get), std::move(plan));
  }

  static void project(const duckdb::LogicalGet& get, plan::Scan& scan, std::vector<std::optional<size_t>>& outputs) {
    const auto add = [&](const duckdb::ColumnIndex& column) {
      if (column.IsVirtualColumn()) {
        outputs.emplace_back();
        return;
      }
      outputs.emplace_back(scan.projection.size());
      scan.projection.push_back(column.GetPrimaryIndex());
    };
    const auto& columns = get.GetColumnIds();
    if (get.projection_ids.empty()) {
      std::ranges::for_each(columns, add);
    } else {
      for (const auto id : get.projection_ids) add(columns[id]);
    }
  }

  static std::vector<std::optional<size_t>> scanned_columns(const duckdb::LogicalGet& get) {
    std::vector<std::optional<size_t>> columns;
    for (const auto& id : get.GetColumnIds()) {
      columns.push_back(id.IsVirtualColumn() ? std::nullopt : std::optional<size_t>(id.GetPrimaryIndex()));
    }
    return columns;
  }

  /// Fills in the scan's filters too.
  plan::ScanSummary summarize(const RemoteRelation& relation, const Above& above, plan::Scan& scan,
                              int& next_parameter) {
    plan::ScanSummary summary;
    summary.source = relation.table->connector->name;
    summary.table = scan.table.to_string();
    summary.projection_pushed = scan.query || scan.projection.size() < scan.columns.size();
    summary.limit_pushed = scan.limit;
    if (above.aggregate) summary.agg_residual_reason = why_not_grouped(relation);
    if (scan.query) plan::summarize(*scan.query, summary, next_parameter);
    for (const auto& filter : relation.claimed) {
      auto predicate = translate(*filter, relation_columns(relation));
      if (!predicate) throw duckdb::InternalException("a filter that was claimed cannot be translated any more");
      summary.filters_pushed.push_back(plan::display(**predicate, scan.columns, next_parameter));
      scan.filters.push_back(std::move(*predicate));
    }
    for (const auto& filter : relation.refused) {
      const auto shown = display_residual(*filter, next_parameter);
      const auto verdict = judge_filter(client_, relation, *filter);
      summary.filters_residual.push_back(shown);
      summary.residual_reasons.push_back(shown + ": " + (verdict ? std::string("checked here") : verdict.error()));
    }
    for (const auto& reason : relation.reasons) add_once(summary.residual_reasons, reason);
    for (const auto& reason : above.reasons) add_once(summary.residual_reasons, reason);
    return summary;
  }

  /// The nearest operator that stays here is in the way.
  std::string why_not_grouped(const RemoteRelation& relation) const {
    if (!pushdown_enabled(client_)) return std::string(kPushdownOff);
    if (!relation.refused.empty()) return "a filter below it stays here";
    if (relation.reasons.empty()) return "DuckDB made it out of another operator";
    return relation.reasons.front() == kCrossSourceJoin ? "cross-source group-by" : relation.reasons.front();
  }

  static void add_once(std::vector<std::string>& reasons, const std::string& reason) {
    if (std::ranges::find(reasons, reason) == reasons.end()) reasons.push_back(reason);
  }

  duckdb::ClientContext& client_;
  std::map<std::string, int> reads_;  ///< by connector id
  std::vector<std::shared_ptr<ScanRecord>> records_;
};

/// A table that the statement names and the plan does not read: its scan never starts, and says so.
std::shared_ptr<ScanRecord> unread(const BoundTable& table) {
  plan::ScanSummary summary;
  summary.source = table.connector->name;
  summary.table = table.info->name.to_string();
  summary.residual_reasons.push_back("not read: no row of this table can change the result");
  return std::make_shared<ScanRecord>(std::move(summary), 1);
}

void after_optimization(duckdb::OptimizerExtensionInput& input, duckdb::unique_ptr<LogicalOperator>& plan) {
  const auto query = QueryContext::of(input.context);
  const auto bound = query ? query->take_bound() : std::vector<std::shared_ptr<const BoundTable>>();
  std::set<uint64_t> read;
  for (const auto* relation : relations_of(*plan)) {
    read.insert(relation->table->id);
    if (!relation->table->derived) continue;
    for (const auto& table : relation->table->derived->tables) read.insert(table->id);
  }
  set_key_rows_max(input.context, read.empty() ? kKeyRowsMaxHere : kKeyRowsMax);
  if (read.empty() && bound.empty()) return;

  offer_dynamic_filters(input, *plan);
  ScanReplacement replacement(input.context, *plan);
  replacement.visit(plan, {});
  auto records = replacement.take_records();
  for (const auto& table : bound) {
    if (!read.contains(table->id)) records.push_back(unread(*table));
  }
  if (query) query->planned(std::move(records));
}

}  // namespace

duckdb::OptimizerExtension pushdown_rule() {
  duckdb::OptimizerExtension extension;
  extension.pre_optimize_function = before_optimization;
  extension.optimize_function = after_optimization;
  return extension;
}

}  // namespace weir::engine
