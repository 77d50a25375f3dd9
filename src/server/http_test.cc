#include "server/http.h"

#include <gtest/gtest.h>

namespace weir::server {
namespace {

TEST(Fields, AreFoundInAnyLetterCase) {
  Fields fields;
  fields.add("Content-Type", "a");
  fields.add("content-type", "b");
  ASSERT_NE(fields.find("CONTENT-TYPE"), nullptr);
  EXPECT_EQ(*fields.find("CONTENT-TYPE"), "a");
  EXPECT_EQ(fields.count("Content-type"), 2);
  EXPECT_EQ(fields.find("Content"), nullptr);
}

TEST(PercentDecode, DecodesEscapes) {
  EXPECT_EQ(percent_decode("a%20b%C3%bc+", false), "a bü+");
  EXPECT_EQ(percent_decode("a+b", true), "a b");
}

TEST(PercentDecode, RefusesIncompleteEscapes) {
  for (const std::string_view text : {"%", "%4", "a%4", "%zz", "%4z", "%%41"})
    EXPECT_FALSE(percent_decode(text, false)) << text;
}

TEST(Parameters, AreSplit) {
  const auto parameters = parse_parameters("a=1&b=x%26y&&c&d=1=2");
  ASSERT_TRUE(parameters);
  EXPECT_EQ(*parameters, (Parameters{{"a", "1"}, {"b", "x&y"}, {"c", ""}, {"d", "1=2"}}));
}

TEST(Parameters, RefuseANameThatIsGivenTwice) { EXPECT_FALSE(parse_parameters("a=1&a=2")); }

}  // namespace
}  // namespace weir::server
