#include "format/scalar_text.h"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

namespace weir::format {
namespace {

/// What `append` appends.
template <typename Append>
std::string text_of(Append append) {
  std::string out;
  append(out);
  return out;
}
std::string number(double value) {
  return text_of([&](std::string& out) { append_float(value, out); });
}
std::string decimal(__int128 value, int scale) {
  return text_of([&](std::string& out) { append_decimal(value, scale, out); });
}
std::string date(int32_t days) {
  return text_of([&](std::string& out) { append_date(days, out); });
}
std::string microseconds(int64_t ticks) {
  return text_of([&](std::string& out) { append_timestamp(ticks, 1'000'000, 'T', false, out); });
}
constexpr __int128 kInt128Max = static_cast<__int128>(~static_cast<unsigned __int128>(0) >> 1);

TEST(FloatText, IsTheShortestThatReadsBackAndKeepsItsPoint) {
  EXPECT_EQ(number(0.1), "0.1");
  EXPECT_EQ(number(3), "3.0");
  EXPECT_EQ(number(-0.0), "-0.0");
  EXPECT_EQ(number(1e300), "1e+300");
  EXPECT_EQ(text_of([](std::string& out) { append_float(0.1F, out); }), "0.1");
}

TEST(FloatText, NamesWhatIsNotFinite) {
  EXPECT_EQ(number(std::nan("")), "NaN");
  EXPECT_EQ(number(INFINITY), "Infinity");
  EXPECT_EQ(number(-INFINITY), "-Infinity");
}

TEST(DecimalText, HasItsScaleAndNeverAnExponent) {
  EXPECT_EQ(decimal(-1250, 2), "-12.50");
  EXPECT_EQ(decimal(5, 10), "0.0000000005");
  EXPECT_EQ(decimal(0, 2), "0.00");
  EXPECT_EQ(decimal(7, 0), "7");
}

TEST(DecimalText, HoldsAllOf128Bits) {
  EXPECT_EQ(decimal(kInt128Max, 0), "170141183460469231731687303715884105727");
  EXPECT_EQ(decimal(-kInt128Max - 1, 38), "-1.70141183460469231731687303715884105728");
}

TEST(DateText, CoversLeapDaysAndTheEpoch) {
  EXPECT_EQ(date(0), "1970-01-01");
  EXPECT_EQ(date(-1), "1969-12-31");
  EXPECT_EQ(date(19'782), "2024-02-29");
}

TEST(DateText, CountsYearsBeforeOneDownFromZero) {
  EXPECT_EQ(date(-719'529), "-0001-12-31");
  EXPECT_EQ(date(-719'528), "0000-01-01");
  EXPECT_EQ(date(-735'160), "-0043-03-15");
}

TEST(DateText, MarksYearsOfMoreThanFourDigits) {
  EXPECT_EQ(date(2'932'897), "+10000-01-01");
  EXPECT_EQ(date(std::numeric_limits<int32_t>::max() - 1), "+5881580-07-10");
}

TEST(DateText, NamesInfinity) {
  EXPECT_EQ(date(std::numeric_limits<int32_t>::max()), "infinity");
  EXPECT_EQ(date(-std::numeric_limits<int32_t>::max()), "-infinity");
}

TEST(TimeText, ShowsAFractionOnlyWhereThereIsOne) {
  EXPECT_EQ(text_of([](std::string& out) { append_time(43'200'000'001, 1'000'000, out); }), "12:00:00.000001");
  EXPECT_EQ(text_of([](std::string& out) { append_time(86'400'000'000, 1'000'000, out); }), "24:00:00");
  EXPECT_EQ(text_of([](std::string& out) { append_time(5, 1'000, out); }), "00:00:00.005");
}

TEST(TimestampText, IsIso8601) {
  EXPECT_EQ(microseconds(1'709'208'000'123'456), "2024-02-29T12:00:00.123456");
  EXPECT_EQ(microseconds(-1), "1969-12-31T23:59:59.999999");
  EXPECT_EQ(text_of([](std::string& out) { append_timestamp(1'709'208'000, 1, ' ', true, out); }),
            "2024-02-29 12:00:00Z");
}

TEST(TimestampText, NamesInfinityAndSurvivesTheFirstTick) {
  EXPECT_EQ(microseconds(std::numeric_limits<int64_t>::max()), "infinity");
  EXPECT_EQ(microseconds(-std::numeric_limits<int64_t>::max()), "-infinity");
  EXPECT_EQ(microseconds(std::numeric_limits<int64_t>::min()), "-290308-12-21T19:59:05.224192");
}

TEST(BinaryText, IsHexadecimalOrBase64) {
  const std::string bytes("\x00\xfa\x10", 3);
  EXPECT_EQ(text_of([&](std::string& out) { append_hex(bytes, out); }), "\\x00fa10");
  EXPECT_EQ(text_of([&](std::string& out) { append_base64(bytes, out); }), "APoQ");
}

}  // namespace
}  // namespace weir::format
