#include "cli/serve_options.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace weir::cli {
namespace {

using nlohmann::json;

TEST(ServeOptions, HaveTheDefaultsOfTheDesign) {
  const auto options = read_serve_options(json::object());
  ASSERT_TRUE(options) << options.error().to_string();
  EXPECT_EQ(options->data_dir, "./weir-data");
  EXPECT_EQ(options->server.listen, "127.0.0.1:8080");
  EXPECT_EQ(options->engine.memory_limit_bytes, 0U);
  EXPECT_EQ(options->server.drain_limit, std::chrono::seconds(30));
}

TEST(ServeOptions, TakeWhatIsGiven) {
  const auto options = read_serve_options(
      {{"threads", 2}, {"memory_limit", "2GiB"}, {"allow_dir", {"/a", "/b"}}, {"log_format", "json"}});
  ASSERT_TRUE(options) << options.error().to_string();
  EXPECT_EQ(options->engine.threads, 2);
  EXPECT_EQ(options->engine.memory_limit_bytes, 2ULL << 30);
  EXPECT_EQ(options->engine.allow_dirs.size(), 2U);
  EXPECT_EQ(options->log_format, telemetry::LogFormat::json);
}

TEST(ServeOptions, OfferTheNearestName) {
  const auto options = read_serve_options({{"token_fiel", "x"}});
  ASSERT_FALSE(options);
  EXPECT_EQ(options.error().code, ErrorCode::unknown_option);
  EXPECT_NE(options.error().to_string().find("token_file"), std::string::npos);
}

TEST(ServeOptions, SayThatSharedCatalogsAreNotThereYet) {
  EXPECT_EQ(read_serve_options({{"catalog", "postgres://x"}}).error().code, ErrorCode::not_available_yet);
  EXPECT_EQ(read_serve_options({{"storage", "s3://x"}}).error().code, ErrorCode::not_available_yet);
}

TEST(ParseBytes, KnowsUnits) {
  EXPECT_EQ(*parse_bytes("1000"), 1'000U);
  EXPECT_EQ(*parse_bytes("512MB"), 512'000'000U);
  EXPECT_EQ(*parse_bytes("4 GiB"), 4ULL << 30);
}

TEST(ParseBytes, RefusesWhatIsNoSize) {
  for (const char* text : {"", "GB", "-1", "1.5GB", "4 GBs", "99999999999TB"}) EXPECT_FALSE(parse_bytes(text)) << text;
}

}  // namespace
}  // namespace weir::cli
