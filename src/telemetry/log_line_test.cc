#include "telemetry/log_line.h"

#include <algorithm>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace weir::telemetry {
namespace {

const std::chrono::system_clock::time_point kAt{std::chrono::seconds(1709208000)};

std::string text(const std::string& value) {
  const Field field{"name", value};
  return log_line(LogFormat::text, Level::info, kAt, "event", {&field, 1});
}

std::string json_text(const std::string& value) {
  const Field field{"name", value};
  return log_line(LogFormat::json, Level::error, kAt, "event", {&field, 1});
}

const std::vector<std::string> kHostile = {
    "a\nb",   "a\r\nb",   std::string("a\0b", 3), "\x1b[31m", "\x7f", "\u0085", "\u009b31m",
    "\u2028", "\xff\xfe", "\"quoted\" \\ text",   "a=b c=d",
};

TEST(LogLine, WritesPlainValuesAsTheyAre) {
  EXPECT_EQ(text("pg_prod/public.users:5"), "2024-02-29T12:00:00.000000Z info event name=pg_prod/public.users:5");
}

TEST(LogLine, QuotesValuesThatCouldBeMistaken) {
  EXPECT_EQ(text("two words"), "2024-02-29T12:00:00.000000Z info event name=\"two words\"");
  EXPECT_EQ(text(""), "2024-02-29T12:00:00.000000Z info event name=\"\"");
  EXPECT_EQ(text("a=b"), "2024-02-29T12:00:00.000000Z info event name=\"a=b\"");
}

TEST(LogLine, CannotBeForgedByAValue) {
  for (const std::string& value : kHostile) {
    for (const std::string& line : {text(value), json_text(value)}) {
      EXPECT_TRUE(std::ranges::all_of(line, [](unsigned char letter) { return letter >= ' ' && letter < 0x7f; }))
          << line;
    }
  }
}

TEST(LogLine, IsOneJsonObjectThatKeepsTheValue) {
  const auto line = nlohmann::json::parse(json_text("a\nb \u2028 é"));
  EXPECT_EQ(line, nlohmann::json({{"time", "2024-02-29T12:00:00.000000Z"},
                                  {"level", "error"},
                                  {"event", "event"},
                                  {"name", "a\nb \u2028 é"}}));
}

TEST(LogLine, CutsLongValuesAndSaysSo) {
  const std::string line = text(std::string(kLogValueBytesMax + 5, 'x'));
  EXPECT_LT(line.size(), kLogValueBytesMax + 200);
  EXPECT_NE(line.find("(5 bytes more)"), std::string::npos);
}

}  // namespace
}  // namespace weir::telemetry
