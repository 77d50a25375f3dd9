#include "cli/statement_runner.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "format/answer_fixture.h"

namespace weir::cli {
namespace {

/// Answers every statement with one row, except "FAIL".
class FakeSession final : public Session {
 public:
  Status run(const std::string& sql, AnswerSink& sink) override {
    texts.push_back(sql);
    if (sql.ends_with("FAIL")) return fail(ErrorCode::invalid_query, "refused");
    const format::TestAnswer answer({format::column("n", "INTEGER", arrow::int32(), "[1]")});
    const auto schema = answer.schema();
    WEIR_TRY(sink.begin(answer.columns, *schema.get()));
    WEIR_TRY(sink.batch(answer.exported()));
    return sink.end({{"row_count", 1}});
  }
  void cancel() override {}
  std::vector<std::string> texts;
};

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
