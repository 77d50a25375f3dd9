#include "base/ids.h"

#include <set>

#include <gtest/gtest.h>

namespace weir {
namespace {

using std::chrono::milliseconds;
using std::chrono::system_clock;

TEST(NewUuid, HasVersionFourAndTheStandardVariant) {
  const std::string text = new_uuid();
  ASSERT_TRUE(is_uuid(text)) << text;
  EXPECT_EQ(text[14], '4');
  EXPECT_NE(std::string("89ab").find(text[19]), std::string::npos);
}

TEST(NewUuid, DoesNotRepeat) {
  std::set<std::string> seen;
  for (int i = 0; i < 1000; i++) EXPECT_TRUE(seen.insert(new_uuid()).second);
}

// The example of RFC 9562, appendix A.6.
TEST(OrderedUuid, IsTheExampleOfTheStandard) {
  const UuidBytes random = {0x0c, 0xc3, 0x18, 0xc4, 0xdc, 0x0c, 0x0c, 0x07, 0x39, 0x8f};
  const system_clock::time_point at{milliseconds(1645557742000)};
  EXPECT_EQ(ordered_uuid(at, random), "017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
}

TEST(OrderedUuid, SortsByTime) {
  const UuidBytes high = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
  const system_clock::time_point at{milliseconds(1645557742000)};
  EXPECT_LT(ordered_uuid(at, high), ordered_uuid(at + milliseconds(1), UuidBytes{}));
}

TEST(IsUuid, RefusesOtherText) {
  EXPECT_TRUE(is_uuid("017F22E2-79B0-7CC3-98C4-DC0C0C07398F"));
  EXPECT_FALSE(is_uuid("pg_prod"));
  EXPECT_FALSE(is_uuid("017f22e279b07cc398c4dc0c0c07398f"));
  EXPECT_FALSE(is_uuid("017f22e2-79b0-7cc3-98c4-dc0c0c07398g"));
}

}  // namespace
}  // namespace weir
