/// For tests: rows in wire form, and decoded cells as text.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "connector/source.h"
#include "plan/scan.h"

namespace weir::postgres {

/// Bytes in network order: `Wire().i32(5).bytes("abc")`.
class Wire {
 public:
  Wire& i16(int16_t value) { return integer(value, 2); }
  Wire& i32(int32_t value) { return integer(value, 4); }
  Wire& i64(int64_t value) { return integer(value, 8); }
  Wire& f32(float value) { return i32(std::bit_cast<int32_t>(value)); }
  Wire& f64(double value) { return i64(std::bit_cast<int64_t>(value)); }
  Wire& bytes(std::string_view bytes) {
    data_ += bytes;
    return *this;
  }
  /// A value with its length in front.
  Wire& value(const Wire& value) { return i32(static_cast<int32_t>(value.data_.size())).bytes(value.data_); }
  Wire& null() { return i32(-1); }

  const std::string& data() const { return data_; }

 private:
  Wire& integer(int64_t value, int width) {
    for (int shift = 8 * (width - 1); shift >= 0; shift -= 8) data_ += static_cast<char>(value >> shift);
    return *this;
  }
  std::string data_;
};

inline Wire numeric_wire(int16_t weight, uint16_t sign, const std::vector<int16_t>& digits, int16_t display_scale = 0) {
  Wire wire;
  wire.i16(static_cast<int16_t>(digits.size())).i16(weight).i16(static_cast<int16_t>(sign)).i16(display_scale);
  for (int16_t digit : digits) wire.i16(digit);
  return wire;
}

inline Wire copy_header() { return Wire().bytes(std::string_view("PGCOPY\n\377\r\n\0", 11)).i32(0).i32(0); }

inline plan::Column column(std::string name, plan::Type type, std::string source_type = "test",
                           bool cast_to_text = false) {
  return {std::move(name), std::move(type), plan::Collation::deterministic, true, std::move(source_type), cast_to_text};
}
inline plan::Type scalar_type(plan::Kind kind) { return {kind, 0, 0, {}}; }
inline plan::Type decimal_type(uint8_t precision, uint8_t scale) { return {plan::Kind::decimal, precision, scale, {}}; }
inline plan::Type list_type(plan::Type element) { return {plan::Kind::list, 0, 0, {std::move(element)}}; }

inline std::string hex(const void* data, size_t size) {
  std::string text;
  for (size_t i = 0; i < size; i++) text += fmt::format("{:02x}", static_cast<const unsigned char*>(data)[i]);
  return text;
}

inline std::string int128_text(__int128 value) {
  if (value == 0) return "0";
  auto magnitude = value < 0 ? -static_cast<unsigned __int128>(value) : static_cast<unsigned __int128>(value);
  std::string digits;
  for (; magnitude > 0; magnitude /= 10)
    digits.insert(digits.begin(), static_cast<char>('0' + static_cast<int>(magnitude % 10)));
  return (value < 0 ? "-" : "") + digits;
}

template <typename T>
T buffer_value(const ArrowArray& array, int64_t row) {
  T value;
  std::memcpy(&value, static_cast<const char*>(array.buffers[1]) + row * static_cast<int64_t>(sizeof(T)), sizeof(T));
  return value;
}

/// Exactly what stands in the array: numbers as integers (decimals unscaled, moments as counts), floats as the hex of
/// their bits, intervals as "months days microseconds", lists as {a,b}.
inline std::string cell(const ArrowArray& array, const plan::Type& type, int64_t row) {
  using plan::Kind;
  const auto* validity = static_cast<const uint8_t*>(array.buffers[0]);
  if (validity != nullptr && ((validity[row / 8] >> (row % 8)) & 1) == 0) return "NULL";
  auto range = [&] { return std::pair(buffer_value<int32_t>(array, row), buffer_value<int32_t>(array, row + 1)); };
  switch (type.kind) {
    case Kind::boolean:
      return ((static_cast<const uint8_t*>(array.buffers[1])[row / 8] >> (row % 8)) & 1) ? "true" : "false";
    case Kind::int16:
      return std::to_string(buffer_value<int16_t>(array, row));
    case Kind::int32:
    case Kind::date:
      return std::to_string(buffer_value<int32_t>(array, row));
    case Kind::uint32:
      return std::to_string(buffer_value<uint32_t>(array, row));
    case Kind::int64:
    case Kind::time:
    case Kind::timestamp:
    case Kind::timestamptz:
      return std::to_string(buffer_value<int64_t>(array, row));
    case Kind::float32:
      return fmt::format("{:08x}", buffer_value<uint32_t>(array, row));
    case Kind::float64:
      return fmt::format("{:016x}", buffer_value<uint64_t>(array, row));
    case Kind::decimal:
      return int128_text(buffer_value<__int128>(array, row));
    case Kind::text:
    case Kind::json: {
      auto [begin, end] = range();
      return {static_cast<const char*>(array.buffers[2]) + begin, static_cast<size_t>(end - begin)};
    }
    case Kind::binary: {
      auto [begin, end] = range();
      return hex(static_cast<const char*>(array.buffers[2]) + begin, static_cast<size_t>(end - begin));
    }
    case Kind::interval: {
      const char* at = static_cast<const char*>(array.buffers[1]) + 16 * row;
      int32_t months_days[2];
      int64_t microseconds;
      std::memcpy(months_days, at, 8);
      std::memcpy(&microseconds, at + 8, 8);
      return fmt::format("{} {} {}", months_days[0], months_days[1], microseconds);
    }
    case Kind::uuid:
      return hex(static_cast<const char*>(array.buffers[1]) + 16 * row, 16);
    case Kind::list: {
      auto [begin, end] = range();
      std::string text = "{";
      for (int32_t i = begin; i < end; i++)
        text += (i == begin ? "" : ",") + cell(*array.children[0], type.children[0], i);
      return text + "}";
    }
  }
  return "?";
}

/// One column of a batch.
inline std::vector<std::string> cells(const connector::Batch& batch, int64_t index, const plan::Type& type) {
  std::vector<std::string> all;
  for (int64_t row = 0; row < batch.rows; row++) all.push_back(cell(*batch.columns->children[index], type, row));
  return all;
}

}  // namespace weir::postgres
