#include "format/sql_type.h"

#include <gmock/gmock.h>

namespace weir::format {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(ChildTypes, OfAListAreItsElement) {
  EXPECT_THAT(child_types("INTEGER[]"), ElementsAre("INTEGER"));
  EXPECT_THAT(child_types("JSON[3][]"), ElementsAre("JSON[3]"));
}

TEST(ChildTypes, OfAMapAreKeyAndValue) {
  EXPECT_THAT(child_types("MAP(VARCHAR, DECIMAL(4,1)[])"), ElementsAre("VARCHAR", "DECIMAL(4,1)[]"));
}

TEST(ChildTypes, OfAStructLeaveOutItsNames) {
  EXPECT_THAT(child_types("STRUCT(a TIMESTAMP WITH TIME ZONE, \"b, \"\"c\" STRUCT(d JSON))"),
              ElementsAre("TIMESTAMP WITH TIME ZONE", "STRUCT(d JSON)"));
}

TEST(ChildTypes, OfAListOfStructsAreTheStruct) {
  EXPECT_THAT(child_types("STRUCT(a INTEGER)[]"), ElementsAre("STRUCT(a INTEGER)"));
}

TEST(ChildTypes, OfAScalarAreNone) {
  EXPECT_THAT(child_types("DECIMAL(12,2)"), IsEmpty());
  EXPECT_THAT(child_types(""), IsEmpty());
}

}  // namespace
}  // namespace weir::format
