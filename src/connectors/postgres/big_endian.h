/// Loads and stores in network byte order.
#pragma once

#include <bit>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <type_traits>

namespace weir::postgres {

static_assert(std::endian::native == std::endian::little, "the wire format is converted for little-endian machines");

/// The integer at `data`, which need not be aligned.
template <std::integral T>
T load_big_endian(const char* data) {
  std::make_unsigned_t<T> raw;
  std::memcpy(&raw, data, sizeof raw);
  if constexpr (sizeof(T) == 2) raw = __builtin_bswap16(raw);
  if constexpr (sizeof(T) == 4) raw = __builtin_bswap32(raw);
  if constexpr (sizeof(T) == 8) raw = __builtin_bswap64(raw);
  return static_cast<T>(raw);
}

}  // namespace weir::postgres
