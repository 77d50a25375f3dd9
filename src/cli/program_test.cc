#include <initializer_list>
#include <vector>

#include <gtest/gtest.h>

#include "cli/command.h"

namespace weir::cli {
namespace {

/// Runs the program with what would be typed after its name.
struct Ran {
  explicit Ran(std::initializer_list<const char*> arguments) {
    std::vector<const char*> argv = {"weir"};
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    Signals signals;
    Console console;
    Context context{console, signals};
    code = run_program(static_cast<int>(argv.size()), argv.data(), context);
    out = testing::internal::GetCapturedStdout();
    err = testing::internal::GetCapturedStderr();
  }
  int code;
  std::string out, err;
};

TEST(Program, AnswersHelpOfEachCommandOnStandardOutput) {
  EXPECT_EQ(Ran({"--help"}).code, kOk);
  for (const char* command : {"serve", "sql", "explain", "connector", "version", "run", "verify"}) {
    const Ran ran{command, "--help"};
    EXPECT_EQ(ran.code, kOk) << command;
    EXPECT_NE(ran.out.find("Usage"), std::string::npos) << command;
    EXPECT_EQ(ran.err, "") << command;
  }
}

TEST(Program, CallsWrongArgumentsUsage) {
  EXPECT_EQ(Ran({}).code, kUsage);
  EXPECT_EQ(Ran({"nonsense"}).code, kUsage);
  EXPECT_EQ(Ran({"sql", "SELECT 1", "--format", "xml"}).code, kUsage);
  EXPECT_EQ(Ran({"sql", "SELECT 1", "-f", "a.sql"}).code, kUsage);
  EXPECT_EQ(Ran({"sql", "SELECT 1", "--data-dir", "d", "--url", "http://h"}).code, kUsage);
  EXPECT_EQ(Ran({"connector", "get"}).code, kUsage);
  EXPECT_EQ(Ran({"connector", "pause", "pg", "--scope", "some"}).code, kUsage);
  EXPECT_EQ(Ran({"verify"}).code, kUsage);
  EXPECT_EQ(Ran({"serve", "--threads"}).code, kUsage);
}

TEST(Program, ShowsItsHelpWhenNothingIsAsked) {
  const Ran ran{};
  EXPECT_EQ(ran.code, kUsage);
  EXPECT_NE(ran.err.find("Usage: weir"), std::string::npos) << ran.err;
}

TEST(Program, HasAVersionFlag) {
  const Ran ran{"--version"};
  EXPECT_EQ(ran.code, kOk);
  EXPECT_EQ(ran.out, "weir " WEIR_VERSION "\n");
}

TEST(Program, OffersTheNearestCommandAndFlag) {
  const auto said = [](std::initializer_list<const char*> arguments) {
    const Ran ran(arguments);
    EXPECT_EQ(ran.code, kUsage);
    EXPECT_EQ(ran.out, "");
    return ran.err;
  };
  EXPECT_EQ(said({"conector"}), "weir: unknown command 'conector': did you mean 'connector'?\n");
  EXPECT_EQ(said({"connector", "lst"}), "weir connector: unknown command 'lst': did you mean 'list'?\n");
  EXPECT_EQ(said({"serve", "--lisen", "x"}), "weir serve: unknown flag '--lisen': did you mean '--listen'?\n");
  EXPECT_EQ(said({"serve", "--lisen=x"}), "weir serve: unknown flag '--lisen': did you mean '--listen'?\n");
  EXPECT_EQ(said({"nonsense"}), "weir: unknown command 'nonsense'\nweir --help lists what there is\n");
  EXPECT_EQ(said({"version", "x"}), "weir version: unknown argument 'x'\nweir version --help lists what there is\n");
}

TEST(Program, TakesNoTokenAsAnArgument) { EXPECT_EQ(Ran({"sql", "SELECT 1", "--token", "secret"}).code, kUsage); }

TEST(Program, SaysThatAPlannedCommandIsNotAvailableYet) {
  const Ran ran{"run", "pipeline.yaml", "--dry-run"};
  EXPECT_EQ(ran.code, kFailed);
  EXPECT_NE(ran.err.find("'weir run' is not available yet"), std::string::npos);
  EXPECT_NE(ran.err.find("code: not_available_yet"), std::string::npos);
}

TEST(Program, ReportsAnErrorWithItsHintAndCodeOnStandardError) {
  const Ran ran{"sql", "SELECT 1", "--url", "http://127.0.0.1:1"};
  EXPECT_EQ(ran.code, kFailed);
  EXPECT_EQ(ran.out, "");
  EXPECT_TRUE(ran.err.starts_with("error: cannot reach the server at http://127.0.0.1:1: ")) << ran.err;
  EXPECT_NE(ran.err.find("\nhint: Start it with 'weir serve'"), std::string::npos);
  EXPECT_NE(ran.err.find("\ncode: server_unreachable\n"), std::string::npos);
}

TEST(Program, RefusesAServeOptionOutOfBounds) {
  const Ran ran{"serve", "--threads", "-1"};
  EXPECT_EQ(ran.code, kFailed);
  EXPECT_NE(ran.err.find("code: invalid_option"), std::string::npos) << ran.err;
}

}  // namespace
}  // namespace weir::cli
