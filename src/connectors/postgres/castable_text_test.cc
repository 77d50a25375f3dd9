#include "connectors/postgres/castable_text.h"

#include <gtest/gtest.h>

namespace weir::postgres {
namespace {

using plan::Kind;
using plan::Type;

std::string castable(std::string_view text, Kind kind) { return castable_text(text, Type{kind, 0, 0, {}}); }
std::string castable_list(std::string_view text, Kind element) {
  return castable_text(text, Type{Kind::list, 0, 0, {Type{element, 0, 0, {}}}});
}

TEST(CastableText, LeavesMostAsItIs) {
  EXPECT_EQ(castable("it's", Kind::text), "it's");
  EXPECT_EQ(castable("12.50", Kind::decimal), "12.50");
  EXPECT_EQ(castable("2024-02-29 12:00:00+00", Kind::timestamptz), "2024-02-29 12:00:00+00");
}

TEST(CastableText, WritesBytesAndYearsBeforeChristAsDuckDBReadsThem) {
  EXPECT_EQ(castable("\\x00ff5c", Kind::binary), "\\x00\\xFF\\x5C");
  EXPECT_EQ(castable("0044-03-15 BC", Kind::date), "0044-03-15 (BC)");
  EXPECT_EQ(castable("0044-03-15 01:02:03 BC", Kind::timestamp), "0044-03-15 (BC) 01:02:03");
}

TEST(CastableText, WritesLists) {
  EXPECT_EQ(castable_list("{}", Kind::int32), "[]");
  EXPECT_EQ(castable_list("{1,NULL,3}", Kind::int32), "['1', NULL, '3']");
  EXPECT_EQ(castable_list(R"({a,"b,c","NULL","q\"\\"})", Kind::text), R"(['a', 'b,c', 'NULL', 'q"\\'])");
}

}  // namespace
}  // namespace weir::postgres
