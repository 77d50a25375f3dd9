#include "format/display_text.h"

#include <gtest/gtest.h>

namespace weir::format {
namespace {

TEST(Displayable, EscapesBytesThatAreNoUtf8) {
  EXPECT_EQ(displayable("a\xff"
                        "b"),
            "a\\xffb");
}

TEST(Displayable, KeepsLinesOnlyWhenAsked) {
  EXPECT_EQ(displayable("a\nü\t"), "a\\nü\\t");
  EXPECT_EQ(displayable("a\nü\t", true), "a\nü\\t");
}

TEST(Displayable, EscapesTheSecondControlRange) { EXPECT_EQ(displayable("\u009b31m"), "\\u009b31m"); }

TEST(Truncated, CutsBetweenWideCharacters) {
  EXPECT_EQ(truncated("日本語", 6), "日本語");
  EXPECT_EQ(truncated("日本語", 5), "日本…");
  EXPECT_EQ(truncated("日本語", 4), "日…");
}

}  // namespace
}  // namespace weir::format
