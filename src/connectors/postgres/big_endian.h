/// Loads and stores in network byte order.
#pragma once

#include <bit>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <string>
#include <type_traits>

namespace weir::postgres {

static_assert(std::endian::native == std::endian::little, "the wire format is converted for little-endian machines");

template <std::unsigned_integral T>
T swap_bytes(T value) {
  if constexpr (sizeof(T) == 2) value = __builtin_bswap16(value);
  if constexpr (sizeof(T) == 4) value = __builtin_bswap32(value);
  if constexpr (sizeof(T) == 8) value = __builtin_bswap64(value);
  return value;
}

/// The integer at `data`, which need not be aligned.
template <std::integral T>
T load_big_endian(const char* data) {
  std::make_unsigned_t<T> raw;
  std::memcpy(&raw, data, sizeof raw);
  return static_cast<T>(swap_bytes(raw));
}

/// `data` need not be aligned.
template <std::integral T>
void store_big_endian(char* data, T value) {
  const auto raw = swap_bytes(static_cast<std::make_unsigned_t<T>>(value));
  std::memcpy(data, &raw, sizeof raw);
}

template <std::integral T>
void append_big_endian(std::string& out, T value) {
  char raw[sizeof value];
  store_big_endian(raw, value);
  out.append(raw, sizeof raw);
}

}  // namespace weir::postgres
