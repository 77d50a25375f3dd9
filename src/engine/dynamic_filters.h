/// What the joins of a running query know of the rows that a remote scan must bring: DuckDB's join filters, as
/// predicates.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include <duckdb.hpp>
#include <duckdb/execution/operator/scan/physical_table_scan.hpp>
#include <duckdb/optimizer/optimizer_extension.hpp>
#include <duckdb/planner/logical_operator.hpp>
#include <duckdb/planner/table_filter.hpp>

#include "plan/capabilities.h"
#include "plan/expression.h"

namespace weir::engine {

/// The setting that switches them off, and the one of DuckDB that says up to how many rows a join sends a list of its
/// keys; beyond it sends their range.
inline constexpr const char* kDynamicFilterSetting = "weir_dynamic_filter";
inline constexpr const char* kListLengthSetting = "dynamic_or_filter_threshold";
inline constexpr int64_t kDynamicListLengthMax = 1000;

/// Connects the joins of an optimized plan with the remote scans on their probe sides, where fewer rows of the scan
/// cannot change what comes between. Nothing when the setting is off.
void offer_dynamic_filters(duckdb::OptimizerExtensionInput& input, duckdb::LogicalOperator& plan);

/// The remote scan's end of it.
struct DynamicFilters {
  duckdb::shared_ptr<duckdb::DynamicTableFilterSet> filters;  ///< nothing: no join sends any
  std::vector<std::optional<size_t>> columns;                 ///< of the scan, by the filters' positions

  explicit operator bool() const { return filters != nullptr; }
  /// What the joins have sent, as far as the source may be asked for it. `placeholder` is any table scan: DuckDB wants
  /// one by its interface only.
  std::vector<plan::ExpressionPtr> predicates(const duckdb::PhysicalTableScan& placeholder,
                                              std::span<const plan::Column> columns,
                                              const plan::Capabilities& capabilities) const;
};

}  // namespace weir::engine
