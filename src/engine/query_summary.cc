/// What an answer says about itself, as REST shows it.
#include "engine/engine.h"

namespace weir::engine {
namespace {

template <typename T>
nlohmann::json or_null(const std::optional<T>& value) {
  return value ? nlohmann::json(*value) : nlohmann::json(nullptr);
}

nlohmann::json freshness_json(const Freshness& entry) {
  return {{"table", entry.table},
          {"served", entry.served},
          {"snapshot_id", or_null(entry.snapshot_id)},
          {"position", or_null(entry.position)},
          {"lag_seconds", or_null(entry.lag_seconds)}};
}

}  // namespace

void to_json(nlohmann::json& out, const QuerySummary& summary) {
  auto freshness = nlohmann::json::array();
  for (const auto& entry : summary.freshness) freshness.push_back(freshness_json(entry));
  out = {{"row_count", summary.row_count},
         {"partial", summary.partial},
         {"pushdown_summary", summary.scans},
         {"stats",
          {{"elapsed_ms", summary.elapsed_ms},
           {"rows_scanned", summary.rows_scanned},
           {"bytes_read", summary.bytes_read},
           {"extents_total", summary.extents_total},
           {"extents_pruned_catalog", summary.extents_pruned_catalog},
           {"extents_pruned_index", summary.extents_pruned_index},
           {"blocks_total", summary.blocks_total},
           {"blocks_pruned", summary.blocks_pruned}}},
         {"freshness", std::move(freshness)},
         {"warnings", summary.warnings}};
}

}  // namespace weir::engine
