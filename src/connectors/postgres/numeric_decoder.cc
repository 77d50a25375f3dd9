/// The value is Σ digit[i] · 10000^(weight - i). Most values have at most four digits and take the 64-bit path.
#include "connectors/postgres/numeric_decoder.h"

#include <array>

#include "connectors/postgres/big_endian.h"

namespace weir::postgres {
namespace {

using Magnitude = unsigned __int128;

constexpr int kHeaderBytes = 8;
constexpr int kPrecisionMax = 38;
constexpr uint16_t kNegative = 0x4000;
constexpr uint16_t kNan = 0xC000;
constexpr uint16_t kPositiveInfinity = 0xD000;
constexpr uint16_t kNegativeInfinity = 0xF000;

constexpr auto kPowersOfTen = [] {
  std::array<Magnitude, kPrecisionMax + 1> powers{1};
  for (size_t i = 1; i < powers.size(); i++) powers[i] = powers[i - 1] * 10;
  return powers;
}();

struct Digits {
  const char* data;
  int count;
  int weight;

  uint32_t at(int i) const { return load_big_endian<uint16_t>(data + 2 * i); }
  /// The power of ten by which the last digit counts, after scaling by 10^`scale`.
  int last_exponent(uint8_t scale) const { return scale + 4 * (weight - (count - 1)); }
};

Outcome check_sign(uint16_t sign) {
  if (sign == 0 || sign == kNegative) return kDecoded;
  if (sign == kNan) return {Fault::numeric_nan};
  if (sign == kPositiveInfinity || sign == kNegativeInfinity) return {Fault::numeric_infinite};
  return {Fault::malformed};
}

/// All digits as one integer, checked for everything.
Outcome join_checked(const Digits& digits, int count, Magnitude& out) {
  Magnitude joined = 0;
  for (int i = 0; i < count; i++) {
    uint32_t digit = digits.at(i);
    if (digit > 9999) return {Fault::malformed};
    if (joined > kPowersOfTen[34]) return {Fault::numeric_too_large};
    joined = joined * 10000 + digit;
  }
  out = joined;
  return kDecoded;
}

/// Four digits or fewer, which fit 64 bits.
Outcome join_short(const Digits& digits, int count, Magnitude& out) {
  uint64_t joined = 0;
  uint32_t largest = 0;
  for (int i = 0; i < count; i++) {
    uint32_t digit = digits.at(i);
    largest = digit > largest ? digit : largest;
    joined = joined * 10000 + digit;
  }
  out = joined;
  return largest > 9999 ? Outcome{Fault::malformed} : kDecoded;
}

Outcome join(const Digits& digits, int count, Magnitude& out) {
  return count <= 4 ? join_short(digits, count, out) : join_checked(digits, count, out);
}

/// `value` · 10^`exponent`.
Outcome shift(Magnitude value, int exponent, Magnitude& out) {
  out = 0;
  if (value == 0) return kDecoded;
  if (exponent > kPrecisionMax || value > kPowersOfTen[kPrecisionMax - exponent]) return {Fault::numeric_too_large};
  out = value * kPowersOfTen[exponent];
  return kDecoded;
}

/// The last digit lies partly behind the scale: its lower `-exponent` decimals (1 to 3) must be zero.
Outcome join_split(const Digits& digits, int exponent, Magnitude& out) {
  constexpr std::array<uint32_t, 4> kDivisors = {1, 10, 100, 1000};
  uint32_t last = digits.at(digits.count - 1);
  uint32_t divisor = kDivisors[static_cast<size_t>(-exponent)];
  if (last > 9999) return {Fault::malformed};
  if (last % divisor != 0) return {Fault::numeric_too_precise};
  Magnitude front;
  if (Outcome joined = join(digits, digits.count - 1, front); !joined) return joined;
  if (Outcome shifted = shift(front, 4 + exponent, out); !shifted) return shifted;
  out += last / divisor;
  return kDecoded;
}

Outcome scaled_magnitude(Digits digits, uint8_t scale, Magnitude& out) {
  while (digits.count > 0 && digits.at(digits.count - 1) == 0) digits.count--;
  out = 0;
  if (digits.count == 0) return kDecoded;
  int exponent = digits.last_exponent(scale);
  if (exponent <= -4) return {Fault::numeric_too_precise};
  if (exponent < 0) return join_split(digits, exponent, out);
  Magnitude joined;
  if (Outcome outcome = join(digits, digits.count, joined); !outcome) return outcome;
  return shift(joined, exponent, out);
}

}  // namespace

Outcome decode_numeric(const char* data, int32_t length, uint8_t precision, uint8_t scale, __int128& out) {
  if (length < kHeaderBytes) return {Fault::truncated, length, kHeaderBytes};
  Digits digits{data + kHeaderBytes, load_big_endian<uint16_t>(data), load_big_endian<int16_t>(data + 2)};
  uint16_t sign = load_big_endian<uint16_t>(data + 4);
  int32_t need = kHeaderBytes + 2 * digits.count;
  if (length < need) return {Fault::truncated, length, need};
  if (length > need) return {Fault::wrong_length, length, need};
  if (Outcome outcome = check_sign(sign); !outcome) return outcome;
  Magnitude magnitude;
  if (Outcome outcome = scaled_magnitude(digits, scale, magnitude); !outcome) return outcome;
  if (magnitude >= kPowersOfTen[precision]) return {Fault::numeric_too_large};
  out = sign == kNegative ? -static_cast<__int128>(magnitude) : static_cast<__int128>(magnitude);
  return kDecoded;
}

}  // namespace weir::postgres
