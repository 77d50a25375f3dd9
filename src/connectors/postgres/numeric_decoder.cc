/// The value is Σ digit[i] · 10000^(weight - i). Most values have at most 18 decimals and take the 64-bit path.
#include "connectors/postgres/numeric_decoder.h"

#include <algorithm>
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

constexpr Magnitude kLimit = Magnitude{1} << 127;

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

/// The last digit lies partly behind the scale: its lowest `-exponent` decimals (1 to 3) must be zero and are cut off.
struct SplitDigit {
  SplitDigit(uint32_t digit, int exponent)
      : whole(digit / kDivisors[static_cast<size_t>(-exponent)]),
        rest(digit % kDivisors[static_cast<size_t>(-exponent)]) {}
  static constexpr std::array<uint32_t, 4> kDivisors = {1, 10, 100, 1000};
  uint32_t whole;
  uint32_t rest;
};

/// Up to 18 decimals after scaling: everything fits 64 bits.
bool is_short(const Digits& digits, int exponent) { return digits.count <= 5 && 4 * digits.count + exponent <= 18; }

Outcome scale_short(const Digits& digits, int exponent, Magnitude& out) {
  uint64_t front = 0;
  uint32_t largest = 0;
  for (int i = 0; i < digits.count - 1; i++) {
    uint32_t digit = digits.at(i);
    largest = std::max(largest, digit);
    front = front * 10000 + digit;
  }
  uint32_t last = digits.at(digits.count - 1);
  if (std::max(largest, last) > 9999) return {Fault::malformed};
  if (exponent >= 0) {
    out = (front * 10000 + last) * static_cast<uint64_t>(kPowersOfTen[exponent]);
    return kDecoded;
  }
  SplitDigit split(last, exponent);
  if (split.rest != 0) return {Fault::numeric_too_precise};
  out = front * static_cast<uint64_t>(kPowersOfTen[4 + exponent]) + split.whole;
  return kDecoded;
}

/// The first `count` digits as one integer.
Outcome join(const Digits& digits, int count, Magnitude& out) {
  out = 0;
  for (int i = 0; i < count; i++) {
    uint32_t digit = digits.at(i);
    if (digit > 9999) return {Fault::malformed};
    if (out > kLimit / 10000) return {Fault::numeric_too_large};
    out = out * 10000 + digit;
  }
  return kDecoded;
}

/// `value` · 10^`exponent`.
Outcome shift(Magnitude value, int exponent, Magnitude& out) {
  out = 0;
  if (value == 0) return kDecoded;
  if (exponent > kPrecisionMax || value > kLimit / kPowersOfTen[exponent]) return {Fault::numeric_too_large};
  out = value * kPowersOfTen[exponent];
  return kDecoded;
}

Outcome scale_long(const Digits& digits, int exponent, Magnitude& out) {
  Magnitude joined;
  if (exponent >= 0) {
    if (Outcome outcome = join(digits, digits.count, joined); !outcome) return outcome;
    return shift(joined, exponent, out);
  }
  uint32_t last = digits.at(digits.count - 1);
  if (last > 9999) return {Fault::malformed};
  SplitDigit split(last, exponent);
  if (split.rest != 0) return {Fault::numeric_too_precise};
  if (Outcome outcome = join(digits, digits.count - 1, joined); !outcome) return outcome;
  if (Outcome outcome = shift(joined, 4 + exponent, out); !outcome) return outcome;
  out += split.whole;
  return kDecoded;
}

Outcome scaled_magnitude(Digits digits, uint8_t scale, Magnitude& out) {
  while (digits.count > 0 && digits.at(digits.count - 1) == 0) digits.count--;
  out = 0;
  if (digits.count == 0) return kDecoded;
  int exponent = digits.last_exponent(scale);
  if (exponent <= -4) return {Fault::numeric_too_precise};
  return is_short(digits, exponent) ? scale_short(digits, exponent, out) : scale_long(digits, exponent, out);
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
  if (magnitude >= (precision == kAllBits ? kLimit : kPowersOfTen[precision])) return {Fault::numeric_too_large};
  out = sign == kNegative ? -static_cast<__int128>(magnitude) : static_cast<__int128>(magnitude);
  return kDecoded;
}

}  // namespace weir::postgres
