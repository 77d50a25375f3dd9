#include "cli/declared_flags.h"

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace weir::cli {
namespace {

using nlohmann::json;
using options::ValueType;

const options::Group& group() {
  static const options::Group kGroup = {
      .name = "g",
      .doc = "",
      .options = {{.name = "data_dir", .doc = "d", .example = "x", .default_value = "./d"},
                  {.name = "threads", .type = ValueType::integer, .doc = "t", .example = "4"},
                  {.name = "allow_dir", .type = ValueType::string_list, .doc = "a", .example = "/a"}}};
  return kGroup;
}

Result<json> parsed(std::vector<std::string> arguments, json base = json::object()) {
  CLI::App app;
  const DeclaredFlags flags(group(), app);
  std::reverse(arguments.begin(), arguments.end());  // CLI11 takes them last first
  app.parse(arguments);
  return flags.over(std::move(base));
}

TEST(DeclaredFlags, AreNamedAfterTheirOptions) {
  EXPECT_EQ(*parsed({"--data-dir", "x", "--threads=3"}), json({{"data_dir", "x"}, {"threads", 3}}));
}

TEST(DeclaredFlags, WinOverTheConfigFile) {
  EXPECT_EQ(*parsed({"--threads", "3"}, {{"threads", 1}, {"data_dir", "c"}}),
            json({{"threads", 3}, {"data_dir", "c"}}));
}

TEST(DeclaredFlags, CollectLists) {
  EXPECT_EQ(*parsed({"--allow-dir", "/a", "--allow-dir", "/b"}), json({{"allow_dir", {"/a", "/b"}}}));
}

TEST(DeclaredFlags, RefuseANumberThatIsNone) {
  const auto refused = parsed({"--threads", "many"});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::invalid_option);
}

}  // namespace
}  // namespace weir::cli
