/// What one query may ask of one source, as the group `limits` of a connector's body says it.
#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"
#include "options/options.h"

namespace weir::connector {

/// 0: no limit.
struct ReadLimits {
  int queries_max = 0;  ///< at the same time
  uint64_t rows_max = 0;
  uint64_t mb_max = 0;
  std::chrono::seconds time_max{};

  bool any() const { return queries_max > 0 || rows_max > 0 || mb_max > 0 || time_max.count() > 0; }
};

/// The declaration of the group, which every type takes over.
const options::Group& read_limits_group();
/// Reads them from a body that was validated.
Result<ReadLimits> read_limits(const nlohmann::json& body);

}  // namespace weir::connector
