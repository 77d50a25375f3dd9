/// PostgreSQL counts dates and times from 2000-01-01, everybody else from 1970-01-01.
#pragma once

#include <cstdint>

namespace weir::postgres {

inline constexpr int32_t kEpochDays = 10957;
inline constexpr int64_t kEpochMicroseconds = int64_t{kEpochDays} * 86'400'000'000;

}  // namespace weir::postgres
