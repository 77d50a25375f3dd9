#include "telemetry/log.h"

#include <algorithm>

#include <gtest/gtest.h>

namespace weir::telemetry {
namespace {

TEST(Log, WritesOneLineForEveryEventFromTheLowestLevelOn) {
  configure_log(LogFormat::text, Level::warning);
  testing::internal::CaptureStderr();
  log(Level::info, "too_low", {});
  log(Level::warning, "disk_nearly_full", {{"free_bytes", "12"}, {"path", "/a\nb"}});
  const std::string written = testing::internal::GetCapturedStderr();
  configure_log(LogFormat::text, Level::info);
  EXPECT_EQ(std::ranges::count(written, '\n'), 1) << written;
  EXPECT_TRUE(written.ends_with("Z warning disk_nearly_full free_bytes=12 path=\"/a\\nb\"\n")) << written;
}

}  // namespace
}  // namespace weir::telemetry
