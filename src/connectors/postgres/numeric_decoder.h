/// PostgreSQL's numeric on the wire (digits to the base 10,000) → decimal128.
#pragma once

#include <cstdint>

#include "connectors/postgres/decode_outcome.h"

namespace weir::postgres {

/// A precision of all that 128 bits hold: magnitudes below 2^127.
inline constexpr uint8_t kAllBits = 39;

/// Writes the value times 10^`scale` to `out`, exactly or not at all; its magnitude stays below 10^`precision`, which
/// is at most 38, or kAllBits. Faults: truncated, malformed, numeric_*.
Outcome decode_numeric(const char* data, int32_t length, uint8_t precision, uint8_t scale, __int128& out);

}  // namespace weir::postgres
