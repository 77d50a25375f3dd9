/// What decoding one value can end in: small enough to travel in registers, because it is asked for every value.
#pragma once

#include <cstdint>

namespace weir::postgres {

enum class Fault : uint8_t {
  none,
  truncated,     ///< the value ends too early: `left` and `need` are set
  wrong_length,  ///< a value of fixed width has another one: `left` and `need` are set
  malformed,     ///< a part of the value is not what the format allows
  numeric_nan,
  numeric_infinite,
  numeric_too_large,    ///< more digits in front of the point than the type has
  numeric_too_precise,  ///< digits behind the point that the type would lose
  date_range,
  timestamp_range,
  interval_infinite,
  array_dimensions,   ///< more than one
  array_lower_bound,  ///< another one than 1
};

/// Converts to true when the value is decoded. The order of the members lets it travel in two whole registers; with the
/// fault in front every value paid for a stalled load.
struct [[nodiscard]] Outcome {
  int32_t left = 0;  ///< bytes that are there
  int32_t need = 0;  ///< bytes that should be there
  Fault fault = Fault::none;

  constexpr Outcome() = default;
  constexpr Outcome(Fault what, int32_t bytes_left = 0, int32_t bytes_needed = 0)
      : left(bytes_left), need(bytes_needed), fault(what) {}
  explicit operator bool() const { return fault == Fault::none; }
};

inline constexpr Outcome kDecoded{};

}  // namespace weir::postgres
