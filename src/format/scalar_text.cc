/// Numbers, dates and binary values as text.
#include "format/scalar_text.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>

#include <arrow/util/base64.h>

namespace weir::format {
namespace {

constexpr char kHexDigits[] = "0123456789abcdef";
constexpr int64_t kSecondsPerDay = 86'400;

template <typename Float>
void append_floating(Float value, std::string& out) {
  if (std::isnan(value)) {
    out += "NaN";
    return;
  }
  if (std::isinf(value)) {
    out += value < 0 ? "-Infinity" : "Infinity";
    return;
  }
  char digits[40];
  const char* end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  const std::string_view text(digits, static_cast<size_t>(end - digits));
  out += text;
  if (text.find_first_of(".e") == std::string_view::npos) out += ".0";
}

/// `value` with at least `width` digits.
void append_padded(uint64_t value, size_t width, std::string& out) {
  char digits[24];
  const char* end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  const auto length = static_cast<size_t>(end - digits);
  if (length < width) out.append(width - length, '0');
  out.append(static_cast<const char*>(digits), end);
}

int64_t floor_divide(int64_t value, int64_t by) { return value / by - (value % by < 0 ? 1 : 0); }

/// Days since 1970 to a date of the proleptic Gregorian calendar (Howard Hinnant, "chrono-compatible low-level date
/// algorithms"); std::chrono stops at the year 32767, DuckDB's dates do not.
void append_civil(int64_t days, std::string& out) {
  days += 719'468;
  const int64_t era = floor_divide(days, 146'097);
  const int64_t day_of_era = days - era * 146'097;
  const int64_t year_of_era = (day_of_era - day_of_era / 1'460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const int64_t shifted_month = (5 * day_of_year + 2) / 153;
  const int64_t day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
  const int64_t month = shifted_month < 10 ? shifted_month + 3 : shifted_month - 9;
  const int64_t year = year_of_era + era * 400 + (month <= 2 ? 1 : 0);
  if (year < 0) out += '-';
  if (year > 9'999) out += '+';
  append_padded(static_cast<uint64_t>(std::abs(year)), 4, out);
  out += '-';
  append_padded(static_cast<uint64_t>(month), 2, out);
  out += '-';
  append_padded(static_cast<uint64_t>(day), 2, out);
}

template <typename Integer>
bool append_infinity(Integer value, std::string& out) {
  constexpr Integer infinity = std::numeric_limits<Integer>::max();
  if (value != infinity && value != -infinity) return false;
  out += value < 0 ? "-infinity" : "infinity";
  return true;
}

size_t fraction_digits(TicksPerSecond per_second) {
  return per_second == 1 ? 0 : per_second == 1'000 ? 3 : per_second == 1'000'000 ? 6 : 9;
}

void append_uint128(unsigned __int128 value, std::string& out) {
  if (value <= std::numeric_limits<uint64_t>::max()) return append_integer(static_cast<uint64_t>(value), out);
  char digits[40];
  char* begin = digits + sizeof digits;
  for (; value != 0; value /= 10) *--begin = static_cast<char>('0' + static_cast<int>(value % 10));
  out.append(begin, digits + sizeof digits);
}

}  // namespace

void append_float(double value, std::string& out) { append_floating(value, out); }
void append_float(float value, std::string& out) { append_floating(value, out); }

void append_decimal(__int128 value, int scale, std::string& out) {
  if (value < 0) out += '-';
  const auto magnitude = value < 0 ? -static_cast<unsigned __int128>(value) : static_cast<unsigned __int128>(value);
  const size_t start = out.size();
  append_uint128(magnitude, out);
  if (scale <= 0) return;
  const auto places = static_cast<size_t>(scale);
  const size_t length = out.size() - start;
  if (length <= places) out.insert(start, places + 1 - length, '0');
  out.insert(out.size() - places, 1, '.');
}

void append_date(int32_t days, std::string& out) {
  if (!append_infinity(days, out)) append_civil(days, out);
}

void append_time(int64_t ticks, TicksPerSecond per_second, std::string& out) {
  const int64_t seconds = ticks / per_second;
  append_padded(static_cast<uint64_t>(seconds / 3'600), 2, out);
  out += ':';
  append_padded(static_cast<uint64_t>(seconds / 60 % 60), 2, out);
  out += ':';
  append_padded(static_cast<uint64_t>(seconds % 60), 2, out);
  if (const int64_t fraction = ticks % per_second; fraction != 0) {
    out += '.';
    append_padded(static_cast<uint64_t>(fraction), fraction_digits(per_second), out);
  }
}

void append_timestamp(int64_t ticks, TicksPerSecond per_second, char separator, bool utc, std::string& out) {
  if (append_infinity(ticks, out)) return;
  const int64_t per_day = kSecondsPerDay * per_second;
  const int64_t days = floor_divide(ticks, per_day);
  append_civil(days, out);
  out += separator;
  // The subtraction is done unsigned because days * per_day can leave 64 bits at the very first day.
  append_time(static_cast<int64_t>(static_cast<uint64_t>(ticks) - static_cast<uint64_t>(days) * per_day), per_second,
              out);
  if (utc) out += 'Z';
}

void append_hex(std::string_view bytes, std::string& out) {
  out += "\\x";
  for (const char c : bytes) {
    const auto byte = static_cast<uint8_t>(c);
    out += kHexDigits[byte >> 4];
    out += kHexDigits[byte & 15];
  }
}

void append_base64(std::string_view bytes, std::string& out) { out += arrow::util::base64_encode(bytes); }

}  // namespace weir::format
