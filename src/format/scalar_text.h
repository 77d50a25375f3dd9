/// Scalar values as text, appended to a string. All of it is the same in every format, see docs/formats.md.
#pragma once

#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>

namespace weir::format {

/// Ticks of a time or timestamp value in one second: 1, 1'000, 1'000'000 or 1'000'000'000.
using TicksPerSecond = int64_t;

template <typename Integer>
void append_integer(Integer value, std::string& out) {
  char digits[24];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
}

/// The shortest text that reads back as the same value, always with a point or an exponent ("1.0"), so that a reader
/// can tell it from an integer; "NaN", "Infinity", "-Infinity".
void append_float(double value, std::string& out);
void append_float(float value, std::string& out);

/// "-12.50": `value` divided by ten to the power of `scale`, never with an exponent.
void append_decimal(__int128 value, int scale, std::string& out);

/// Days since 1970-01-01 as ISO 8601: "2024-02-29"; years before 1 count down from 0000 ("-0043-03-15" is in 44 BC),
/// years after 9999 carry a plus sign, both as java.time prints them. INT32_MAX and -INT32_MAX: "infinity",
/// "-infinity".
void append_date(int32_t days, std::string& out);
/// "12:00:00", with 3, 6 or 9 digits of fraction when it is not zero.
void append_time(int64_t ticks, TicksPerSecond per_second, std::string& out);
/// Date, `separator` ('T' or a space), time. INT64_MAX and -INT64_MAX: "infinity", "-infinity". With `utc` a Z follows.
void append_timestamp(int64_t ticks, TicksPerSecond per_second, char separator, bool utc, std::string& out);

/// "\xdeadbeef".
void append_hex(std::string_view bytes, std::string& out);
void append_base64(std::string_view bytes, std::string& out);

}  // namespace weir::format
