#include "base/time.h"

#include <gtest/gtest.h>

namespace weir {
namespace {

using std::chrono::microseconds;
using std::chrono::nanoseconds;
using std::chrono::system_clock;

TEST(Iso8601Utc, ShowsMicrosecondsAndZ) {
  EXPECT_EQ(iso8601_utc(system_clock::time_point(microseconds(1709208000123456))), "2024-02-29T12:00:00.123456Z");
}

TEST(Iso8601Utc, KeepsTrailingZeros) {
  EXPECT_EQ(iso8601_utc(system_clock::time_point()), "1970-01-01T00:00:00.000000Z");
}

TEST(Iso8601Utc, RoundsDownAlsoBefore1970) {
  EXPECT_EQ(iso8601_utc(system_clock::time_point(nanoseconds(-1))), "1969-12-31T23:59:59.999999Z");
}

}  // namespace
}  // namespace weir
