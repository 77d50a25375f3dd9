/// The operator that reads a remote table: a source of DuckDB's pipelines whose tasks yield while no rows have come.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include <duckdb.hpp>
#include <duckdb/execution/physical_operator.hpp>
#include <duckdb/planner/operator/logical_extension_operator.hpp>
#include <duckdb/planner/operator/logical_get.hpp>

#include "engine/dynamic_filters.h"
#include "engine/remote_scan_read.h"

namespace weir::engine {

/// A scan as planned: what is read, and what of it each output column shows (nothing: a column nobody reads, as for
/// count(*)).
struct RemoteScanPlan {
  std::shared_ptr<const ReadOrder> order;
  std::vector<std::optional<size_t>> outputs;
  DynamicFilters dynamic;  ///< add to the order when the scan begins
};

/// Takes the place of a remote LogicalGet at the end of optimization: same bindings, same types.
class LogicalRemoteScan final : public duckdb::LogicalExtensionOperator {
 public:
  LogicalRemoteScan(duckdb::unique_ptr<duckdb::LogicalGet> get, RemoteScanPlan plan);

  duckdb::vector<duckdb::ColumnBinding> GetColumnBindings() override { return get_->GetColumnBindings(); }
  duckdb::vector<duckdb::idx_t> GetTableIndex() const override { return get_->GetTableIndex(); }
  duckdb::string GetName() const override;
  duckdb::InsertionOrderPreservingMap<duckdb::string> ParamsToString() const override;
  duckdb::PhysicalOperator& CreatePlan(duckdb::ClientContext& client, duckdb::PhysicalPlanGenerator& planner) override;
  bool SupportSerialization() const override { return false; }
  const ReadOrder& order() const { return *plan_.order; }

 protected:
  void ResolveTypes() override;

 private:
  duckdb::unique_ptr<duckdb::LogicalGet> get_;
  RemoteScanPlan plan_;
};

class PhysicalRemoteScan final : public duckdb::PhysicalOperator {
 public:
  PhysicalRemoteScan(duckdb::PhysicalPlan& physical_plan, duckdb::vector<duckdb::LogicalType> types,
                     duckdb::idx_t estimated_cardinality, RemoteScanPlan plan,
                     const duckdb::PhysicalTableScan* placeholder);

  duckdb::string GetName() const override;
  duckdb::InsertionOrderPreservingMap<duckdb::string> ParamsToString() const override;
  duckdb::unique_ptr<duckdb::GlobalSourceState> GetGlobalSourceState(duckdb::ClientContext& client) const override;
  duckdb::unique_ptr<duckdb::LocalSourceState> GetLocalSourceState(duckdb::ExecutionContext& context,
                                                                   duckdb::GlobalSourceState& global) const override;
  bool IsSource() const override { return true; }
  bool ParallelSource() const override { return true; }
  duckdb::OrderPreservationType SourceOrder() const override { return duckdb::OrderPreservationType::NO_ORDER; }
  duckdb::ProgressData GetProgress(duckdb::ClientContext& client, duckdb::GlobalSourceState& global) const override;

 protected:
  duckdb::SourceResultType GetDataInternal(duckdb::ExecutionContext& context, duckdb::DataChunk& chunk,
                                           duckdb::OperatorSourceInput& input) const override;

 private:
  /// With what the joins have sent by now.
  std::shared_ptr<const ReadOrder> order() const;

  RemoteScanPlan plan_;
  const duckdb::PhysicalTableScan* placeholder_;  ///< for the dynamic filters, when there can be any
};

}  // namespace weir::engine
