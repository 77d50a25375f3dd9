#include "cli/answer_printer.h"

#include <array>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <poll.h>
#include <unistd.h>

#include "format/answer_fixture.h"

namespace weir::cli {
namespace {

/// Standard output into a pipe for as long as it lives.
class PipedOutput {
 public:
  PipedOutput() : before_(::dup(STDOUT_FILENO)) {
    EXPECT_EQ(::pipe(ends_.data()), 0);
    ::dup2(ends_[1], STDOUT_FILENO);
    ::close(ends_[1]);
  }
  ~PipedOutput() {
    ::dup2(before_, STDOUT_FILENO);
    ::close(before_);
    ::close(ends_[0]);
  }
  /// What arrives within ten seconds, or nothing.
  std::string read() const {
    pollfd waiting{ends_[0], POLLIN, 0};
    if (::poll(&waiting, 1, 10'000) != 1) return {};
    std::array<char, 4096> bytes;
    const ssize_t count = ::read(ends_[0], bytes.data(), bytes.size());
    return {bytes.data(), static_cast<size_t>(std::max<ssize_t>(count, 0))};
  }

 private:
  int before_;
  std::array<int, 2> ends_{};
};

TEST(AnswerPrinter, ShowsTheRowsOfATableWhileItWaitsForMore) {
  const PipedOutput output;
  Console console;
  AnswerPrinter printer({format::Format::table, false}, console);
  const format::TestAnswer answer({format::column("n", "INTEGER", arrow::int32(), "[1, 2]")});
  const auto schema = answer.schema();
  ASSERT_TRUE(printer.begin(answer.columns, *schema.get()));
  ASSERT_TRUE(printer.batch(answer.exported()));
  EXPECT_EQ(output.read(), " n\n───\n 1\n 2\n");  // nobody has called anything since
  ASSERT_TRUE(printer.batch(answer.exported()));
  EXPECT_EQ(output.read(), " 1\n 2\n");
  ASSERT_TRUE(printer.end({{"row_count", 4}}));
  EXPECT_EQ(output.read(), "(4 rows)\n");
}

TEST(AnswerPrinter, ShowsThemOnceWhenTheAnswerEndsBefore) {
  const PipedOutput output;
  Console console;
  {
    AnswerPrinter printer({format::Format::table, false}, console);
    const format::TestAnswer answer({format::column("n", "INTEGER", arrow::int32(), "[1]")});
    const auto schema = answer.schema();
    ASSERT_TRUE(printer.begin(answer.columns, *schema.get()));
    ASSERT_TRUE(printer.batch(answer.exported()));
    ASSERT_TRUE(printer.end({{"row_count", 1}}));
  }
  EXPECT_EQ(output.read(), " n\n───\n 1\n(1 row)\n");
}

}  // namespace
}  // namespace weir::cli
