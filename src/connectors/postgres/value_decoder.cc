/// The decode functions, one per wire form, and the table that picks among them.
#include "connectors/postgres/value_decoder.h"

#include <array>
#include <charconv>
#include <string_view>
#include <system_error>
#include <utility>

#include "connectors/postgres/big_endian.h"
#include "connectors/postgres/numeric_decoder.h"
#include "connectors/postgres/wire_time.h"

namespace weir::postgres {
namespace {

using batch::ColumnBuilder;
using plan::Kind;

Outcome check_length(int32_t length, int32_t need) {
  if (length == need) [[likely]]
    return kDecoded;
  return {Fault::wrong_length, length, need};
}

/// Integers, and floats as their bits: -0.0 and every NaN stay as they are.
template <typename T>
Outcome decode_integer(const ValueDecoder&, ColumnBuilder& column, const char* data, int32_t length) {
  if (Outcome outcome = check_length(length, sizeof(T)); !outcome) return outcome;
  column.append(load_big_endian<T>(data));
  return kDecoded;
}

Outcome decode_boolean(const ValueDecoder&, ColumnBuilder& column, const char* data, int32_t length) {
  if (Outcome outcome = check_length(length, 1); !outcome) return outcome;
  column.append_bit(*data != 0);
  return kDecoded;
}

Outcome decode_decimal(const ValueDecoder& self, ColumnBuilder& column, const char* data, int32_t length) {
  auto* value = reinterpret_cast<__int128*>(column.append_unfilled());
  return decode_numeric(data, length, self.precision, self.scale, *value);
}

Outcome decode_bytes(const ValueDecoder&, ColumnBuilder& column, const char* data, int32_t length) {
  column.append_bytes(data, static_cast<size_t>(length));
  return kDecoded;
}

/// The type "char" sends its one byte raw: 0 stands for the empty string, and bytes above 127, which are no UTF-8, are
/// shown as PostgreSQL 16 shows them ("\351").
void append_char(ColumnBuilder& column, uint8_t byte) {
  const std::array<char, 4> escaped = {'\\', static_cast<char>('0' + (byte >> 6)),
                                       static_cast<char>('0' + (byte >> 3) % 8), static_cast<char>('0' + byte % 8)};
  column.append_bytes(escaped.data(), byte == 0 ? 0 : escaped.size());
}

Outcome decode_text(const ValueDecoder& self, ColumnBuilder& column, const char* data, int32_t length) {
  if (length == 1 && static_cast<signed char>(*data) <= 0) [[unlikely]] {  // no UTF-8 text: must be a "char"
    append_char(column, static_cast<uint8_t>(*data));
    return kDecoded;
  }
  return decode_bytes(self, column, data, length);
}

/// A numeric as text, under `connection.numeric_mode` = `double`.
Outcome decode_double_text(const ValueDecoder&, ColumnBuilder& column, const char* data, int32_t length) {
  std::string_view text(data, static_cast<size_t>(length));
  double value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc::result_out_of_range) {
    if (text.find_first_not_of("-0") != text.find('.')) return {Fault::numeric_too_large};
    value = text.starts_with('-') ? -0.0 : 0.0;  // too small for a double
  } else if (error != std::errc() || end != text.data() + text.size()) {
    return {Fault::malformed};
  }
  column.append(value);
  return kDecoded;
}

Outcome decode_date(const ValueDecoder&, ColumnBuilder& column, const char* data, int32_t length) {
  if (Outcome outcome = check_length(length, sizeof(int32_t)); !outcome) return outcome;
  auto days = load_big_endian<int32_t>(data);
  if (days == INT32_MAX || days == INT32_MIN) {
    column.append(days == INT32_MAX ? INT32_MAX : -INT32_MAX);
    return kDecoded;
  }
  if (days >= INT32_MAX - kEpochDays) return {Fault::date_range};
  column.append(days + kEpochDays);
  return kDecoded;
}

Outcome decode_timestamp(const ValueDecoder&, ColumnBuilder& column, const char* data, int32_t length) {
  if (Outcome outcome = check_length(length, sizeof(int64_t)); !outcome) return outcome;
  auto microseconds = load_big_endian<int64_t>(data);
  if (microseconds == INT64_MAX || microseconds == INT64_MIN) {
    column.append(microseconds == INT64_MAX ? INT64_MAX : -INT64_MAX);
    return kDecoded;
  }
  if (microseconds >= INT64_MAX - kEpochMicroseconds) return {Fault::timestamp_range};
  column.append(microseconds + kEpochMicroseconds);
  return kDecoded;
}

struct Interval {
  int32_t months;
  int32_t days;
  int64_t microseconds;
};

Outcome decode_interval(const ValueDecoder&, ColumnBuilder& column, const char* data, int32_t length) {
  if (Outcome outcome = check_length(length, sizeof(Interval)); !outcome) return outcome;
  Interval value{load_big_endian<int32_t>(data + 12), load_big_endian<int32_t>(data + 8),
                 load_big_endian<int64_t>(data)};
  bool infinite = (value.months == INT32_MAX && value.days == INT32_MAX && value.microseconds == INT64_MAX) ||
                  (value.months == INT32_MIN && value.days == INT32_MIN && value.microseconds == INT64_MIN);
  if (infinite) return {Fault::interval_infinite};  // PostgreSQL 17 and later
  column.append(value);
  return kDecoded;
}

Outcome decode_uuid(const ValueDecoder&, ColumnBuilder& column, const char* data, int32_t length) {
  if (Outcome outcome = check_length(length, 16); !outcome) return outcome;
  column.append_fixed(data);
  return kDecoded;
}

/// The elements of an array, each with its length in front, to the end of the value.
Outcome decode_elements(const ValueDecoder& element, ColumnBuilder& column, const char* at, const char* end,
                        int32_t count) {
  constexpr int32_t kLengthBytes = sizeof(int32_t);
  for (int32_t i = 0; i < count; i++) {
    auto left = static_cast<int32_t>(end - at);
    if (left < kLengthBytes) return {Fault::truncated, left, kLengthBytes};
    auto length = load_big_endian<int32_t>(at);
    at += kLengthBytes;
    left -= kLengthBytes;
    if (length == -1) {
      column.append_null();
      continue;
    }
    if (length < 0) return {Fault::malformed};
    if (length > left) return {Fault::truncated, left, length};
    if (Outcome outcome = element(column, at, length); !outcome) return outcome;
    at += length;
  }
  return at == end ? kDecoded : Outcome{Fault::malformed};
}

Outcome decode_list(const ValueDecoder& self, ColumnBuilder& column, const char* data, int32_t length) {
  constexpr int32_t kHeaderBytes = 12;    // dimensions, a flag for NULLs, the element type
  constexpr int32_t kDimensionBytes = 8;  // elements, lower bound
  if (length < kHeaderBytes) return {Fault::truncated, length, kHeaderBytes};
  auto dimensions = load_big_endian<int32_t>(data);
  if (dimensions < 0) return {Fault::malformed};
  if (dimensions > 1) return {Fault::array_dimensions};
  int32_t count = 0;
  int32_t elements_at = kHeaderBytes;
  if (dimensions == 1) {
    elements_at += kDimensionBytes;
    if (length < elements_at) return {Fault::truncated, length, elements_at};
    count = load_big_endian<int32_t>(data + kHeaderBytes);
    if (load_big_endian<int32_t>(data + kHeaderBytes + 4) != 1) return {Fault::array_lower_bound};
  }
  if (count < 0) return {Fault::malformed};
  Outcome outcome = decode_elements(*self.element, column.child(), data + elements_at, data + length, count);
  if (!outcome) return outcome;
  column.end_list();
  return kDecoded;
}

/// Width 0: not of fixed width.
struct Form {
  Kind kind;
  size_t width;
  ValueDecoder::Decode decode;
};

constexpr std::array kForms = {
    Form{Kind::boolean, 0, decode_boolean},
    Form{Kind::int16, 2, decode_integer<int16_t>},
    Form{Kind::int32, 4, decode_integer<int32_t>},
    Form{Kind::int64, 8, decode_integer<int64_t>},
    Form{Kind::uint32, 4, decode_integer<uint32_t>},
    Form{Kind::float32, 4, decode_integer<int32_t>},
    Form{Kind::float64, 8, decode_integer<int64_t>},
    Form{Kind::decimal, 16, decode_decimal},
    Form{Kind::text, 0, decode_text},
    Form{Kind::binary, 0, decode_bytes},
    Form{Kind::date, 4, decode_date},
    Form{Kind::time, 8, decode_integer<int64_t>},
    Form{Kind::timestamp, 8, decode_timestamp},
    Form{Kind::timestamptz, 8, decode_timestamp},
    Form{Kind::interval, 16, decode_interval},
    Form{Kind::uuid, 16, decode_uuid},
    Form{Kind::json, 0, decode_text},
    Form{Kind::list, 0, decode_list},
};

constexpr const Form& form_of(Kind kind) { return kForms[static_cast<size_t>(kind)]; }

static_assert(
    [] {
      for (size_t i = 0; i < kForms.size(); i++) {
        if (kForms[i].kind != static_cast<Kind>(i)) return false;
      }
      return kForms.back().kind == Kind::list;
    }(),
    "the forms stand in the order of plan::Kind");

}  // namespace

ValueDecoder make_value_decoder(const plan::Type& type, bool as_text, bool is_sum) {
  const auto precision = is_sum && type.kind == Kind::decimal ? kAllBits : type.precision;
  ValueDecoder decoder{form_of(type.kind).decode, precision, type.scale, nullptr};
  if (as_text && type.kind == Kind::float64) decoder.decode = decode_double_text;
  if (type.kind == Kind::list) {
    decoder.element = std::make_unique<ValueDecoder>(make_value_decoder(type.children.front(), as_text));
  }
  return decoder;
}

batch::ColumnBuilder make_column_builder(const plan::Type& type) {
  switch (type.kind) {
    case Kind::boolean:
      return ColumnBuilder::bits();
    case Kind::text:
    case Kind::binary:
    case Kind::json:
      return ColumnBuilder::bytes();
    case Kind::list:
      return ColumnBuilder::list(make_column_builder(type.children.front()));
    default:
      return ColumnBuilder::fixed(form_of(type.kind).width);
  }
}

}  // namespace weir::postgres
