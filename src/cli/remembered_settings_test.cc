#include "cli/remembered_settings.h"

#include <gtest/gtest.h>

namespace weir::cli {
namespace {

TEST(RememberedSettings, AreSentBeforeEachStatement) {
  RememberedSettings settings;
  settings.note("SET threads = 4");
  settings.note("use pg_prod.public");
  EXPECT_EQ(settings.apply("SELECT 1"), "SET threads = 4; use pg_prod.public; SELECT 1");
}

TEST(RememberedSettings, AreReplacedByTheSameName) {
  RememberedSettings settings;
  settings.note("SET threads=4");
  settings.note("set session THREADS TO 2");
  EXPECT_EQ(settings.apply("SELECT 1"), "set session THREADS TO 2; SELECT 1");
}

TEST(RememberedSettings, AreForgottenByReset) {
  RememberedSettings settings;
  settings.note("SET threads = 4");
  settings.note("RESET threads");
  EXPECT_EQ(settings.apply("SELECT 1"), "SELECT 1");
}

TEST(RememberedSettings, LeaveCommentsOutSoThatNothingHidesWhatFollows) {
  RememberedSettings settings;
  settings.note("USE weir.main -- the lake");
  settings.note("SET TimeZone /* not\nhere */ =\n'--UTC' -- end");
  EXPECT_EQ(settings.apply("SELECT 1"), "USE weir.main; SET TimeZone   = '--UTC'; SELECT 1");
}

TEST(RememberedSettings, AreFoundBehindComments) {
  RememberedSettings settings;
  settings.note("-- zone\n/* of /* all */ */ SET threads = 4");
  EXPECT_EQ(settings.apply("SELECT 1"), "SET threads = 4; SELECT 1");
}

TEST(RememberedSettings, IgnoreOtherStatements) {
  RememberedSettings settings;
  settings.note("SELECT 1");
  settings.note("UPDATE t SET a = 1");
  EXPECT_EQ(settings.apply("SELECT 1"), "SELECT 1");
}

}  // namespace
}  // namespace weir::cli
