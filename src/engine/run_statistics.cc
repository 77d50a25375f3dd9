/// Reads DuckDB's own profile of a statement.
#include "engine/run_statistics.h"

#include <string>

#include <duckdb/main/client_data.hpp>
#include <duckdb/main/profiling_node.hpp>
#include <duckdb/main/query_profiler.hpp>

namespace weir::engine {
namespace {

using duckdb::MetricType;

uint64_t metric(const duckdb::ProfilingInfo& info, MetricType type) {
  auto found = info.metrics.find(type);
  return found == info.metrics.end() || found->second.IsNull() ? 0 : found->second.GetValue<uint64_t>();
}

/// DuckDB's own count of scanned rows is its estimate, once for each thread; what a scan gave is counted.
bool is_scan(const duckdb::ProfilingInfo& info) {
  return metric(info, MetricType::OPERATOR_TYPE) == static_cast<uint64_t>(duckdb::PhysicalOperatorType::TABLE_SCAN);
}

/// DuckDB's scans of many files say how many they opened in the text of EXPLAIN ANALYZE only.
uint64_t files_read(const duckdb::ProfilingInfo& info) {
  auto found = info.metrics.find(MetricType::EXTRA_INFO);
  if (found == info.metrics.end() || found->second.type().id() != duckdb::LogicalTypeId::MAP) return 0;
  for (const auto& entry : duckdb::MapValue::GetChildren(found->second)) {
    const auto& pair = duckdb::StructValue::GetChildren(entry);
    if (pair[0].ToString() == "Total Files Read") return std::stoull(pair[1].ToString());
  }
  return 0;
}

void add(const duckdb::ProfilingNode& node, RunStatistics& sum) {
  const auto& info = node.GetProfilingInfo();
  if (is_scan(info)) sum.rows_scanned += metric(info, MetricType::OPERATOR_CARDINALITY);
  sum.extents_read += files_read(info);
  uint64_t total = metric(info, MetricType::OPERATOR_TOTAL_ROW_GROUPS_TO_SCAN);
  uint64_t scanned = metric(info, MetricType::OPERATOR_ROW_GROUPS_SCANNED);
  sum.blocks_total += total;
  sum.blocks_pruned += total > scanned ? total - scanned : 0;
  for (const auto& child : node.children) add(*child, sum);
}

}  // namespace

void RunStatistics::count(duckdb::ClientContext& client, bool whether) {
  auto& config = client.config;
  config.enable_profiler = whether;
  config.emit_profiler_output = false;
  config.profiler_settings = {MetricType::OPERATOR_TYPE,
                              MetricType::OPERATOR_CARDINALITY,
                              MetricType::OPERATOR_ROW_GROUPS_SCANNED,
                              MetricType::OPERATOR_TOTAL_ROW_GROUPS_TO_SCAN,
                              MetricType::EXTRA_INFO,
                              MetricType::TOTAL_BYTES_READ};
}

RunStatistics RunStatistics::of_last(duckdb::ClientContext& client) {
  RunStatistics sum;
  auto& profiler = duckdb::QueryProfiler::Get(client);
  sum.bytes_read = profiler.GetBytesRead();
  profiler.GetRootUnderLock([&](duckdb::optional_ptr<duckdb::ProfilingNode> root) {
    if (root) add(*root, sum);
  });
  return sum;
}

}  // namespace weir::engine
