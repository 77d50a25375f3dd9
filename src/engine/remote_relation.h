/// A remote table inside a DuckDB plan, from binding until the optimizer rule turns it into a scan operator.
#pragma once

#include <memory>
#include <vector>

#include <duckdb.hpp>
#include <duckdb/function/table_function.hpp>
#include <duckdb/planner/expression.hpp>
#include <duckdb/planner/operator/logical_get.hpp>

#include "engine/pushdown.h"
#include "engine/remote_connector.h"

namespace weir::engine {

/// The bind data of a remote LogicalGet. Filters are kept as DuckDB's expressions whose column references are indices
/// into the table's columns, because DuckDB copies plans by serializing them.
struct RemoteRelation final : duckdb::FunctionData {
  explicit RemoteRelation(std::shared_ptr<const BoundTable> table) : table(std::move(table)) {}

  std::shared_ptr<const BoundTable> table;
  duckdb::vector<duckdb::unique_ptr<duckdb::Expression>> claimed;  ///< the source checks them
  duckdb::vector<duckdb::unique_ptr<duckdb::Expression>> refused;  ///< DuckDB checks them
  duckdb::vector<std::string> reasons;  ///< why operators above it stay here, the nearest first

  duckdb::unique_ptr<duckdb::FunctionData> Copy() const override;
  bool Equals(const duckdb::FunctionData& other) const override;

  /// The relation of a LogicalGet; nothing when it reads something else.
  static RemoteRelation* of(duckdb::LogicalOperator& op);
};

/// Column references as `RemoteRelation` keeps them.
ColumnOf relation_columns(const RemoteRelation& relation);

/// Whether `SET weir_pushdown` allows filters and limits to go to the source.
bool pushdown_enabled(duckdb::ClientContext& client);
inline constexpr const char* kPushdownSetting = "weir_pushdown";

/// Whether a source checks `filter` of `relation`: the predicate, or why not.
std::expected<plan::ExpressionPtr, plan::Refusal> judge_filter(duckdb::ClientContext& client,
                                                               const RemoteRelation& relation,
                                                               const duckdb::Expression& filter);

/// The name of `weir_snapshot` (snapshot_scan.h), whose relations are remote ones too.
inline constexpr const char* kSnapshotFunction = "weir_snapshot";

/// The table function behind remote tables. It must be registered, because copies of a plan find it by name.
duckdb::TableFunction remote_scan_function();

}  // namespace weir::engine
