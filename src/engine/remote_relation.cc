#include "engine/remote_relation.h"

#include <algorithm>

#include <duckdb/common/serializer/deserializer.hpp>
#include <duckdb/common/serializer/serializer.hpp>
#include <duckdb/function/table/table_scan.hpp>
#include <duckdb/planner/expression/bound_columnref_expression.hpp>
#include <duckdb/planner/expression/bound_reference_expression.hpp>
#include <duckdb/planner/expression_iterator.hpp>
#include <duckdb/storage/statistics/node_statistics.hpp>

#include "engine/pushdown_estimate.h"
#include "engine/remote_schema.h"
#include "engine/switch_setting.h"

namespace weir::engine {
namespace {

using duckdb::Expression;
using Filters = duckdb::vector<duckdb::unique_ptr<Expression>>;

constexpr const char* kFunctionName = "weir_remote_scan";

void copy_filters(const Filters& from, Filters& to) {
  for (const auto& filter : from) to.push_back(filter->Copy());
}

bool holds(const Filters& filters, const Expression& wanted) {
  return std::ranges::any_of(filters, [&](const auto& filter) { return filter->Equals(wanted); });
}

/// Replaces references to `get`'s columns by indices into the table's columns; others stay as they are.
void make_independent(duckdb::unique_ptr<Expression>& expression, const duckdb::LogicalGet& get) {
  if (expression->GetExpressionClass() == duckdb::ExpressionClass::BOUND_COLUMN_REF) {
    const auto& binding = expression->Cast<duckdb::BoundColumnRefExpression>().binding;
    if (binding.table_index != get.table_index) return;
    const auto& column = get.GetColumnIds().at(binding.column_index);
    if (column.IsVirtualColumn() || column.HasChildren()) return;
    const auto index = column.GetPrimaryIndex();
    expression =
        duckdb::make_uniq<duckdb::BoundReferenceExpression>(get.names.at(index), expression->return_type, index);
    return;
  }
  duckdb::ExpressionIterator::EnumerateChildren(
      *expression, [&](duckdb::unique_ptr<Expression>& child) { make_independent(child, get); });
}

/// Takes the filters that the source checks out of `filters`. DuckDB calls this more than once for the same scan, with
/// filters that it has kept and with new ones.
void claim_filters(duckdb::ClientContext& client, duckdb::LogicalGet& get, duckdb::FunctionData* data,
                   Filters& filters) {
  auto& relation = data->Cast<RemoteRelation>();
  Filters kept;
  for (auto& filter : filters) {
    auto independent = filter->Copy();
    make_independent(independent, get);
    if (holds(relation.claimed, *independent)) continue;
    if (judge_filter(client, relation, *independent)) {
      relation.claimed.push_back(std::move(independent));
      continue;
    }
    if (!holds(relation.refused, *independent)) relation.refused.push_back(std::move(independent));
    kept.push_back(std::move(filter));
  }
  filters = std::move(kept);
}

duckdb::unique_ptr<duckdb::NodeStatistics> estimate(duckdb::ClientContext&, const duckdb::FunctionData* data) {
  const auto& relation = data->Cast<RemoteRelation>();
  std::vector<plan::ExpressionPtr> filters;
  for (const auto& filter : relation.claimed) {
    if (auto predicate = translate(*filter, relation_columns(relation))) filters.push_back(*predicate);
  }
  return duckdb::make_uniq<duckdb::NodeStatistics>(estimate_rows(*relation.table->info, filters));
}

duckdb::BindInfo bind_info(const duckdb::optional_ptr<duckdb::FunctionData> data) {
  const auto& table = *data->Cast<RemoteRelation>().table;
  return table.derived ? duckdb::BindInfo(duckdb::ScanType::EXTERNAL) : duckdb::BindInfo(*table.entry);
}

/// A source has no row ids; counting rows needs a column that nobody reads.
duckdb::virtual_column_map_t virtual_columns(duckdb::ClientContext&, duckdb::optional_ptr<duckdb::FunctionData>) {
  duckdb::virtual_column_map_t columns;
  columns.insert({duckdb::COLUMN_IDENTIFIER_EMPTY, duckdb::TableColumn("", duckdb::LogicalType::BOOLEAN)});
  return columns;
}

void write(duckdb::Serializer& out, const duckdb::optional_ptr<duckdb::FunctionData> data,
           const duckdb::TableFunction&) {
  const auto& relation = data->Cast<RemoteRelation>();
  out.WriteProperty(100, "table", relation.table->id);
  out.WriteProperty(101, "claimed", relation.claimed);
  out.WriteProperty(102, "refused", relation.refused);
  out.WriteProperty(103, "reasons", relation.reasons);
}

duckdb::unique_ptr<duckdb::FunctionData> read(duckdb::Deserializer& in, duckdb::TableFunction&) {
  auto& client = in.Get<duckdb::ClientContext&>();
  auto table = Federation::of(client).find(in.ReadProperty<uint64_t>(100, "table"));
  if (!table) throw duckdb::InternalException("a copied plan names a remote table that no plan holds");
  auto relation = duckdb::make_uniq<RemoteRelation>(std::move(table));
  relation->claimed = in.ReadProperty<Filters>(101, "claimed");
  relation->refused = in.ReadProperty<Filters>(102, "refused");
  relation->reasons = in.ReadProperty<duckdb::vector<std::string>>(103, "reasons");
  return relation;
}

duckdb::unique_ptr<duckdb::FunctionData> refuse_call(duckdb::ClientContext&, duckdb::TableFunctionBindInput&,
                                                     duckdb::vector<duckdb::LogicalType>&,
                                                     duckdb::vector<duckdb::string>&) {
  throw duckdb::BinderException(
      "weir_remote_scan is not a function to call: name the table as <connector>.<schema>.<table>");
}

void refuse_run(duckdb::ClientContext& client, duckdb::TableFunctionInput&, duckdb::DataChunk&) {
  throw_error(client, Error{ErrorCode::statement_not_allowed,
                            "remote tables need DuckDB's optimizer, which is switched off",
                            "Run PRAGMA enable_optimizer, and RESET disabled_optimizers.",
                            {}});
}

}  // namespace

duckdb::unique_ptr<duckdb::FunctionData> RemoteRelation::Copy() const {
  auto copy = duckdb::make_uniq<RemoteRelation>(table);
  copy_filters(claimed, copy->claimed);
  copy_filters(refused, copy->refused);
  copy->reasons = reasons;
  return copy;
}

bool RemoteRelation::Equals(const duckdb::FunctionData& other_data) const {
  const auto& other = other_data.Cast<RemoteRelation>();
  return table == other.table && claimed.size() == other.claimed.size() &&
         std::ranges::all_of(claimed, [&](const auto& filter) { return holds(other.claimed, *filter); });
}

RemoteRelation* RemoteRelation::of(duckdb::LogicalOperator& op) {
  if (op.type != duckdb::LogicalOperatorType::LOGICAL_GET) return nullptr;
  auto& get = op.Cast<duckdb::LogicalGet>();
  const bool remote = get.function.name == kFunctionName || get.function.name == kSnapshotFunction;
  return remote ? dynamic_cast<RemoteRelation*>(get.bind_data.get()) : nullptr;
}

ColumnOf relation_columns(const RemoteRelation& relation) {
  return [count = relation.table->info->columns.size()](const Expression& reference) -> std::optional<size_t> {
    if (reference.GetExpressionClass() != duckdb::ExpressionClass::BOUND_REF) return {};
    const auto index = reference.Cast<duckdb::BoundReferenceExpression>().index;
    return index < count ? std::optional<size_t>(index) : std::nullopt;
  };
}

bool pushdown_enabled(duckdb::ClientContext& client) { return is_switched_on(client, kPushdownSetting); }

std::expected<plan::ExpressionPtr, plan::Refusal> judge_filter(duckdb::ClientContext& client,
                                                               const RemoteRelation& relation,
                                                               const Expression& filter) {
  if (!pushdown_enabled(client)) return std::unexpected("pushdown is off (weir_pushdown = false)");
  auto predicate = translate(filter, relation_columns(relation));
  if (!predicate) return predicate;
  const auto capabilities = relation.table->connector->source->capabilities();
  if (!capabilities) return std::unexpected("what the source can do is not known: " + capabilities.error().message);
  auto verdict = plan::may_push(**predicate, relation.table->info->columns, *capabilities);
  if (!verdict) return std::unexpected(std::move(verdict.error()));
  return predicate;
}

duckdb::TableFunction remote_scan_function() {
  duckdb::TableFunction function(kFunctionName, {}, refuse_run, refuse_call);
  function.projection_pushdown = true;
  // Plain table filters, DuckDB's own and those of joins, would have to be applied all: not offered yet.
  function.filter_pushdown = false;
  function.pushdown_complex_filter = claim_filters;
  // No statistics: a live table's may be stale, and DuckDB prunes by them.
  function.cardinality = estimate;
  function.get_bind_info = bind_info;
  function.get_virtual_columns = virtual_columns;
  function.serialize = write;
  function.deserialize = read;
  return function;
}

}  // namespace weir::engine
