/// What the joins of a running query know of the rows that a remote scan must bring: DuckDB's join filters, as
/// predicates.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <duckdb.hpp>
#include <duckdb/execution/operator/scan/physical_table_scan.hpp>
#include <duckdb/optimizer/optimizer_extension.hpp>
#include <duckdb/planner/logical_operator.hpp>
#include <duckdb/planner/table_filter.hpp>

#include "connector/source.h"
#include "plan/capabilities.h"
#include "plan/expression.h"

namespace weir::engine {

/// The setting that switches them off.
inline constexpr const char* kDynamicFilterSetting = "weir_dynamic_filter";

/// Up to how many rows a join makes a list of its keys; of more only their range is known. Without remote scans as many
/// as DuckDB 1.5.5 has for itself: it compares lists with what it knows of each row group.
inline constexpr uint64_t kKeyRowsMax = 20'000;
inline constexpr uint64_t kKeyRowsMaxHere = 50;
void set_key_rows_max(duckdb::ClientContext& client, uint64_t rows);

/// Connects the joins of an optimized plan with the remote scans on their probe sides, where fewer rows of the scan
/// cannot change what comes between. Nothing when the setting is off.
void offer_dynamic_filters(duckdb::OptimizerExtensionInput& input, duckdb::LogicalOperator& plan);

/// What is sent of the keys, and why not all that is known of them.
struct SentKeys {
  std::vector<plan::ExpressionPtr> filters;
  std::vector<std::string> reasons;
};

/// The remote scan's end of it.
struct DynamicFilters {
  duckdb::shared_ptr<duckdb::DynamicTableFilterSet> filters;  ///< nothing: no join sends any
  std::vector<std::optional<size_t>> columns;                 ///< of the scan, by the filters' positions

  explicit operator bool() const { return filters != nullptr; }
  /// What the joins have found, as far as the source may be asked for it and a list of it pays; `rows` are expected of
  /// `table` without. `placeholder` is any table scan: DuckDB wants one by its interface only.
  SentKeys keys(const duckdb::PhysicalTableScan& placeholder, const connector::TableInfo& table, uint64_t rows,
                const plan::Capabilities& capabilities) const;
};

}  // namespace weir::engine
