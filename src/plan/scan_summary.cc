#include "plan/scan_summary.h"

#include <nlohmann/json.hpp>

namespace weir::plan {
namespace {

nlohmann::json list_or_null(const std::vector<std::string>& values) {
  return values.empty() ? nlohmann::json(nullptr) : nlohmann::json(values);
}

template <typename T>
nlohmann::json value_or_null(const std::optional<T>& value) {
  return value ? nlohmann::json(*value) : nlohmann::json(nullptr);
}

}  // namespace

void to_json(nlohmann::json& out, const ScanSummary& summary) {
  out = nlohmann::json{
      {"source", summary.source},
      {"table", summary.table},
      {"filters_pushed", summary.filters_pushed},
      {"filters_residual", summary.filters_residual},
      {"projection_pushed", summary.projection_pushed},
      {"limit_pushed", value_or_null(summary.limit_pushed)},
      {"sort_pushed", list_or_null(summary.sort_pushed)},
      {"agg_pushed", list_or_null(summary.agg_pushed)},
      {"agg_residual_reason", value_or_null(summary.agg_residual_reason)},
      {"join_pushed", summary.join_pushed},
      {"remote_query", value_or_null(summary.remote_query)},
      {"residual_reasons", summary.residual_reasons},
      {"scan_duration_ms", summary.scan_duration_ms},
      {"rows_returned", summary.rows_returned},
      {"bytes_received", summary.bytes_received},
  };
}

}  // namespace weir::plan
