#include "cli/shell.h"

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>

#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/fake_session.h"

namespace weir::cli {
namespace {

/// The shell in a process of its own, on a terminal that the test types into.
class TypedShell {
 public:
  explicit TypedShell(const std::filesystem::path& home) {
    child_ = forkpty(&terminal_, nullptr, nullptr, nullptr);
    if (child_ == 0) run_child(home);
  }
  ~TypedShell() {
    if (child_ > 0) leave();
    close(terminal_);
  }

  /// Types, then reads until `expected` was shown. Fails the test after 20 seconds.
  void type(std::string_view keys, std::string_view expected) {
    shown_.clear();
    ASSERT_EQ(write(terminal_, keys.data(), keys.size()), static_cast<ssize_t>(keys.size()));
    see(expected);
  }
  void see(std::string_view expected) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (shown_.find(expected) == std::string::npos) {
      pollfd ready{terminal_, POLLIN, 0};
      ASSERT_LT(std::chrono::steady_clock::now(), deadline) << "not shown: " << expected << "\nshown: " << shown_;
      if (poll(&ready, 1, 100) <= 0) continue;
      char piece[4096];
      const ssize_t got = read(terminal_, piece, sizeof piece);
      ASSERT_GT(got, 0) << "the shell ended; shown: " << shown_;
      shown_.append(piece, static_cast<size_t>(got));
    }
  }
  const std::string& shown() const { return shown_; }

  /// Ends the shell and gives its exit status as wait(2) does.
  int leave() {
    // Reads on meanwhile: a terminal that nobody reads keeps its writer waiting.
    // Ctrl-C first, for what a failed test left on the line.
    if (write(terminal_, "\x03\\q\r", 4) != 4) kill(child_, SIGKILL);
    char piece[4096];
    while (read(terminal_, piece, sizeof piece) > 0) continue;
    int status = 0;
    waitpid(std::exchange(child_, 0), &status, 0);
    return status;
  }

 private:
  [[noreturn]] static void run_child(const std::filesystem::path& home) {
    setenv("HOME", home.c_str(), 1);
    setenv("TERM", "xterm", 1);
    setenv("NO_COLOR", "1", 1);
    int code = kFailed;
    {
      Signals signals;
      Console console;
      Context context{console, signals};
      FakeSession session;
      StatementRunner runner(session, context, {});
      code = run_shell(runner);
    }
    _exit(code);
  }

  int terminal_ = -1;
  pid_t child_ = -1;
  std::string shown_;
};

class ShellTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "weir-shell-XXXXXX";
    home_ = mkdtemp(pattern.data());
  }
  void TearDown() override { std::filesystem::remove_all(home_); }
  std::filesystem::path home_;
};

TEST_F(ShellTest, RunsAStatementOfManyLinesAtItsSemicolon) {
  TypedShell shell(home_);
  shell.see("weir> ");
  shell.type("SELECT\r", "  -> ");
  shell.type("'a;\r", "  '> ");
  shell.type("b' ;\r", "(1 row)");
}

TEST_F(ShellTest, DropsTypedLinesAtControlC) {
  TypedShell shell(home_);
  shell.see("weir> ");
  shell.type("SELECT 'open\r", "  '> ");
  shell.type("\x03", "weir> ");
  shell.type("SELECT 1;\r", "(1 row)");
}

TEST_F(ShellTest, CancelsARunningQueryAtControlCAndGoesOn) {
  TypedShell shell(home_);
  shell.see("weir> ");
  shell.type("SELECT WAIT;\r", "waiting");
  shell.type("\x03", "code: cancelled");
  shell.see("weir> ");
  shell.type("SELECT 1;\r", "(1 row)");
}

TEST_F(ShellTest, StopsALineOfStatementsAtTheFirstError) {
  TypedShell shell(home_);
  shell.see("weir> ");
  shell.type("FAIL; SELECT 1;\r", "code: invalid_query");
  shell.see("weir> ");
  EXPECT_EQ(shell.shown().find("(1 row)"), std::string::npos);
}

TEST_F(ShellTest, ListsItsCommands) {
  TypedShell shell(home_);
  shell.see("weir> ");
  shell.type("\\?\r", "\\format NAME");
  shell.type("\\nonsense\r", "unknown command \\nonsense");
  shell.type("\\format csv\r", "weir> ");
  shell.type("SELECT 1;\r", "n\r\n1\r\n");
}

TEST_F(ShellTest, KeepsItsHistoryToItself) {
  TypedShell shell(home_);
  shell.see("weir> ");
  shell.type("SELECT 4711;\r", "(1 row)");
  EXPECT_EQ(shell.leave(), 0);
  struct stat file{};
  ASSERT_EQ(stat((home_ / ".weir_history").c_str(), &file), 0);
  EXPECT_EQ(file.st_mode & 0777, 0600U);
  TypedShell again(home_);
  again.see("weir> ");
  again.type("\x1b[A\x1b[A", "SELECT 4711;");  // the last line was the command that left
}

}  // namespace
}  // namespace weir::cli
