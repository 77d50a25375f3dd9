#include "connectors/postgres/numeric_decoder.h"

#include <random>

#include <gtest/gtest.h>

#include "connectors/postgres/wire_fixture.h"

namespace weir::postgres {
namespace {

struct Decoded {
  Fault fault;
  std::string unscaled;
  bool operator==(const Decoded&) const = default;
};

void PrintTo(const Decoded& decoded, std::ostream* out) {
  *out << "fault " << static_cast<int>(decoded.fault) << ", " << decoded.unscaled;
}

Decoded decode(const Wire& wire, uint8_t precision, uint8_t scale) {
  __int128 value = 0;
  Outcome outcome =
      decode_numeric(wire.data().data(), static_cast<int32_t>(wire.data().size()), precision, scale, value);
  return {outcome.fault, outcome ? int128_text(value) : ""};
}

Decoded ok(std::string unscaled) { return {Fault::none, std::move(unscaled)}; }
Decoded faulty(Fault fault) { return {fault, ""}; }

TEST(Numeric, ZeroHasNoDigits) { EXPECT_EQ(decode(numeric_wire(0, 0, {}), 15, 2), ok("0")); }

TEST(Numeric, ScalesDigitsInFrontOfAndBehindThePoint) {
  EXPECT_EQ(decode(numeric_wire(1, 0, {3, 3203, 7200}), 15, 2), ok("3320372"));
  EXPECT_EQ(decode(numeric_wire(0, 0x4000, {17}), 15, 2), ok("-1700"));
  EXPECT_EQ(decode(numeric_wire(-1, 0, {400}), 15, 2), ok("4"));
  EXPECT_EQ(decode(numeric_wire(-1, 0, {1}), 38, 4), ok("1"));
  EXPECT_EQ(decode(numeric_wire(-3, 0, {12}), 38, 12), ok("12"));
}

TEST(Numeric, MultipliesByTheWeightOfMissingDigits) {
  EXPECT_EQ(decode(numeric_wire(2, 0, {5}), 15, 2), ok("50000000000"));
  EXPECT_EQ(decode(numeric_wire(9, 0, {12}), 38, 0), ok("12000000000000000000000000000000000000"));
}

TEST(Numeric, FillsThirtyEightDigits) {
  std::vector<int16_t> nines(10, 9999);
  nines[0] = 99;
  EXPECT_EQ(decode(numeric_wire(9, 0, nines), 38, 0), ok(std::string(38, '9')));
  nines[0] = 9999;
  nines[9] = 9900;
  EXPECT_EQ(decode(numeric_wire(-1, 0x4000, nines), 38, 38), ok("-" + std::string(38, '9')));
}

/// 2^127 - 1 = 170141183460469231731687303715884105727.
TEST(Numeric, FillsAllBitsOfASum) {
  EXPECT_EQ(decode(numeric_wire(9, 0, {170, 1411, 8346, 469, 2317, 3168, 7303, 7158, 8410, 5727}), kAllBits, 0),
            ok("170141183460469231731687303715884105727"));
  EXPECT_EQ(decode(numeric_wire(6, 0, {100, 0, 0, 0, 0, 0, 0, 0, 0}), kAllBits, 12), ok("1" + std::string(38, '0')));
  EXPECT_EQ(decode(numeric_wire(9, 0, {170, 1411, 8346, 469, 2317, 3168, 7303, 7158, 8410, 5728}), kAllBits, 0),
            faulty(Fault::numeric_too_large));
  EXPECT_EQ(decode(numeric_wire(9, 0, {1702}), kAllBits, 0), faulty(Fault::numeric_too_large));
}

TEST(Numeric, RefusesWhatDoesNotFit) {
  EXPECT_EQ(decode(numeric_wire(0, 0, {1000}), 3, 0), faulty(Fault::numeric_too_large));
  EXPECT_EQ(decode(numeric_wire(9, 0, {100}), 38, 0), faulty(Fault::numeric_too_large));
  EXPECT_EQ(decode(numeric_wire(250, 0, {1}), 38, 10), faulty(Fault::numeric_too_large));
  EXPECT_EQ(decode(numeric_wire(32767, 0, {1}), 38, 38), faulty(Fault::numeric_too_large));
  EXPECT_EQ(decode(numeric_wire(19, 0, std::vector<int16_t>(20, 1234)), 38, 0), faulty(Fault::numeric_too_large));
}

TEST(Numeric, RefusesToLoseDigits) {
  EXPECT_EQ(decode(numeric_wire(-1, 0, {10}), 15, 2), faulty(Fault::numeric_too_precise));
  EXPECT_EQ(decode(numeric_wire(-2, 0, {1}), 15, 2), faulty(Fault::numeric_too_precise));
  EXPECT_EQ(decode(numeric_wire(-32768, 0, {1}), 38, 38), faulty(Fault::numeric_too_precise));
}

TEST(Numeric, IgnoresTrailingZeroDigits) { EXPECT_EQ(decode(numeric_wire(0, 0, {7, 0, 0}), 5, 0), ok("7")); }

TEST(Numeric, NamesSpecialValues) {
  EXPECT_EQ(decode(numeric_wire(0, 0xC000, {}), 15, 2), faulty(Fault::numeric_nan));
  EXPECT_EQ(decode(numeric_wire(0, 0xD000, {}), 15, 2), faulty(Fault::numeric_infinite));
  EXPECT_EQ(decode(numeric_wire(0, 0xF000, {}), 15, 2), faulty(Fault::numeric_infinite));
}

TEST(Numeric, RefusesMalformedValues) {
  EXPECT_EQ(decode(numeric_wire(0, 0x1234, {1}), 15, 2), faulty(Fault::malformed));
  EXPECT_EQ(decode(numeric_wire(0, 0, {10000}), 15, 2), faulty(Fault::malformed));
  EXPECT_EQ(decode(numeric_wire(0, 0, {-1}), 15, 2), faulty(Fault::malformed));
  EXPECT_EQ(decode(numeric_wire(5, 0, {1, 2, 3, 4, 10000, 6}), 38, 2), faulty(Fault::malformed));
  EXPECT_EQ(decode(Wire().i16(2).i16(0).i16(0).i16(0).i16(1), 15, 2), faulty(Fault::truncated));
  EXPECT_EQ(decode(Wire().i16(0).i16(0).i16(0), 15, 2), faulty(Fault::truncated));
  EXPECT_EQ(decode(numeric_wire(0, 0, {1}).i16(0), 15, 2), faulty(Fault::wrong_length));
}

/// Any unscaled value below 10^precision, written as PostgreSQL writes it, comes back.
TEST(Numeric, RoundTripsRandomValues) {
  std::mt19937_64 random(20261121);
  for (int round = 0; round < 20000; round++) {
    int scale = static_cast<int>(random() % 39);
    int digit_count = 1 + static_cast<int>(random() % 38);
    std::string unscaled;
    for (int i = 0; i < digit_count; i++) unscaled += static_cast<char>('0' + random() % 10);
    unscaled.erase(0, std::min(unscaled.find_first_not_of('0'), unscaled.size() - 1));
    // To the base 10,000: the point must lie between two digits.
    std::string padded = unscaled + std::string(static_cast<size_t>((4 - scale % 4) % 4), '0');
    padded.insert(0, (4 - padded.size() % 4) % 4, '0');
    std::vector<int16_t> digits;
    for (size_t i = 0; i < padded.size(); i += 4)
      digits.push_back(static_cast<int16_t>(std::stoi(padded.substr(i, 4))));
    int weight = static_cast<int>(digits.size()) - 1 - (scale + 3) / 4;
    while (!digits.empty() && digits.front() == 0) digits.erase(digits.begin()), weight--;
    while (!digits.empty() && digits.back() == 0) digits.pop_back();
    bool negative = random() % 2 == 1 && !digits.empty();
    Wire wire = numeric_wire(static_cast<int16_t>(weight), negative ? 0x4000 : 0, digits);
    ASSERT_EQ(decode(wire, 38, static_cast<uint8_t>(scale)), ok((negative ? "-" : "") + unscaled)) << "scale " << scale;
  }
}

}  // namespace
}  // namespace weir::postgres
