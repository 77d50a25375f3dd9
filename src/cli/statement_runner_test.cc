#include "cli/statement_runner.h"

#include <gtest/gtest.h>

#include "cli/fake_session.h"

namespace weir::cli {
namespace {

struct RanScript {
  explicit RanScript(std::string_view text) {
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    Signals signals;
    Console console;
    Context context{console, signals};
    StatementRunner runner(session, context, {format::Format::csv, false});
    code = run_script(runner, console, text, "load.sql");
    out = testing::internal::GetCapturedStdout();
    err = testing::internal::GetCapturedStderr();
  }
  FakeSession session;
  int code;
  std::string out, err;
};

TEST(RunScript, PrintsEachAnswerAndRunsARestWithoutSemicolon) {
  const RanScript ran("SELECT 1; SELECT 2");
  EXPECT_EQ(ran.code, kOk);
  EXPECT_EQ(ran.out, "n\n1\nn\n1\n");
}

TEST(RunScript, StopsAtTheFirstErrorAndSaysWhere) {
  const RanScript ran("SELECT 1;\nFAIL;\nSELECT 2;");
  EXPECT_EQ(ran.code, kFailed);
  EXPECT_EQ(ran.session.texts.size(), 2U);
  EXPECT_TRUE(ran.err.starts_with("error: load.sql:2: refused\n")) << ran.err;
}

TEST(RunScript, SendsSettingsBeforeLaterStatements) {
  const RanScript ran("SET threads = 2; SELECT 1;");
  ASSERT_EQ(ran.session.texts.size(), 2U);
  EXPECT_EQ(ran.session.texts[1], "SET threads = 2; SELECT 1");
}

}  // namespace
}  // namespace weir::cli
