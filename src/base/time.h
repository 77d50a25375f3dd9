/// Points in time as text.
#pragma once

#include <chrono>
#include <string>

namespace weir {

/// "2024-02-29T12:00:00.123456Z": ISO 8601, UTC, always six digits of a second (rounded down).
std::string iso8601_utc(std::chrono::system_clock::time_point at);

}  // namespace weir
