/// One entry of `pushdown_summary` (seed 000): what one federated scan did, and where.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace weir::plan {

struct ScanSummary {
  std::string source;                         ///< the connector's name
  std::string table;                          ///< "schema.table"
  std::vector<std::string> filters_pushed;    ///< display forms, constants as $n
  std::vector<std::string> filters_residual;  ///< what was checked here
  bool projection_pushed = false;             ///< fewer columns than the table has were asked for
  std::optional<uint64_t> limit_pushed;
  std::vector<std::string> sort_pushed;  ///< empty: null in JSON
  std::vector<std::string> agg_pushed;   ///< empty: null in JSON
  std::optional<std::string> agg_residual_reason;
  bool join_pushed = false;
  std::optional<std::string> remote_query;    ///< the text sent to the source; empty before execution
  std::vector<std::string> residual_reasons;  ///< one for each thing that stayed here
  double scan_duration_ms = 0;                ///< from the first request until the last row arrived
  uint64_t rows_returned = 0;                 ///< rows that the source sent
  uint64_t bytes_received = 0;                ///< payload bytes that the source sent
};

void to_json(nlohmann::json& out, const ScanSummary& summary);

}  // namespace weir::plan
