#include "connectors/postgres/streamed_transactions.h"

#include <filesystem>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace weir::postgres {
namespace {

using pgoutput::Body;
using pgoutput::Kind;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class StreamedTransactionsTest : public ::testing::Test {
 protected:
  void TearDown() override { std::filesystem::remove_all(directory_); }

  StreamedTransactions open(uint64_t memory_max_bytes) {
    auto opened = StreamedTransactions::open(directory_, memory_max_bytes);
    EXPECT_TRUE(opened) << opened.error().to_string();
    return std::move(*opened);
  }
  static void add(StreamedTransactions& streamed, uint32_t xid, uint32_t subtransaction, const std::string& text) {
    const Status added = streamed.add(xid, subtransaction, Kind::insert, Body(text));
    EXPECT_TRUE(added) << added.error().to_string();
  }
  static std::vector<std::string> commit(StreamedTransactions& streamed, uint32_t xid) {
    std::vector<std::string> messages;
    const Status done = streamed.commit(xid, [&](Kind kind, Body body, bool is_aborted) -> Status {
      EXPECT_FALSE(is_aborted);
      EXPECT_EQ(kind, Kind::insert);
      messages.emplace_back(body.data(), body.size());
      return {};
    });
    EXPECT_TRUE(done) << done.error().to_string();
    return messages;
  }
  size_t files() const {
    return static_cast<size_t>(std::distance(std::filesystem::directory_iterator(directory_), {}));
  }

  const std::filesystem::path directory_ =
      std::filesystem::temp_directory_path() / ("weir_streamed_test_" + std::to_string(getpid()));
};

TEST_F(StreamedTransactionsTest, ReplaysInOrderWithoutWhatWasRolledBack) {
  auto streamed = open(1 << 20);
  add(streamed, 7, 7, "a");
  add(streamed, 7, 8, "b");
  add(streamed, 7, 9, "c");
  add(streamed, 10, 10, "other");
  ASSERT_TRUE(streamed.abort(7, 8));
  EXPECT_THAT(commit(streamed, 7), ElementsAre("a", "c"));
  EXPECT_THAT(commit(streamed, 7), IsEmpty());
  EXPECT_THAT(commit(streamed, 10), ElementsAre("other"));
  EXPECT_EQ(streamed.memory_bytes(), 0u);
}

TEST_F(StreamedTransactionsTest, ATransactionThatIsRolledBackLeavesNothing) {
  auto streamed = open(0);
  add(streamed, 7, 7, "a");
  EXPECT_EQ(files(), 1u);
  EXPECT_GT(streamed.spilled_bytes(), 0u);
  ASSERT_TRUE(streamed.abort(7, 7));
  EXPECT_EQ(files(), 0u);
  EXPECT_EQ(streamed.spilled_bytes(), 0u);
  EXPECT_THAT(commit(streamed, 7), IsEmpty());
}

TEST_F(StreamedTransactionsTest, KeepsAtMostItsMemoryAndSpillsTheLargestFirst) {
  auto streamed = open(10'000);
  add(streamed, 1, 1, "small");
  std::vector<std::string> expected;
  for (int i = 0; i < 50'000; i++) {
    expected.push_back(std::string(static_cast<size_t>(i % 97), 'x') + std::to_string(i));
    add(streamed, 2, 2, expected.back());
    ASSERT_LE(streamed.memory_bytes(), 10'000u);
  }
  EXPECT_EQ(files(), 1u);
  EXPECT_EQ(commit(streamed, 2), expected);
  EXPECT_EQ(files(), 0u);
  EXPECT_EQ(streamed.spilled_bytes(), 0u);
  EXPECT_THAT(commit(streamed, 1), ElementsAre("small"));
}

TEST_F(StreamedTransactionsTest, HoldsMessagesThatAreLargerThanAReadOfAFile) {
  auto streamed = open(0);
  const std::string large(3 << 20, 'x');
  add(streamed, 1, 1, large);
  add(streamed, 1, 1, "");
  add(streamed, 1, 1, "end");
  EXPECT_THAT(commit(streamed, 1), ElementsAre(large, "", "end"));
}

TEST_F(StreamedTransactionsTest, RemovesWhatAKilledProcessLeft) {
  std::filesystem::create_directories(directory_ / "deep");
  auto streamed = open(0);
  EXPECT_EQ(files(), 0u);
}

TEST_F(StreamedTransactionsTest, AFailedReplayForgetsTheTransaction) {
  auto streamed = open(0);
  add(streamed, 1, 1, "a");
  EXPECT_FALSE(streamed.commit(1, [](Kind, Body, bool) -> Status { return fail(ErrorCode::cancelled, "stop"); }));
  EXPECT_FALSE(streamed.has(1));
  EXPECT_EQ(files(), 0u);
}

TEST_F(StreamedTransactionsTest, AFileThatIsNotAsItWasWrittenIsAnError) {
  const auto nothing = [](Kind, Body, bool) -> Status { return {}; };
  for (const int change : {-40, -1, 1}) {
    auto streamed = open(0);
    add(streamed, 1, 1, "first message");
    add(streamed, 1, 1, "second message");
    const auto file = directory_ / "1";
    std::filesystem::resize_file(file, std::filesystem::file_size(file) + static_cast<uintmax_t>(change));
    const Status done = streamed.commit(1, nothing);
    ASSERT_FALSE(done) << change;
    EXPECT_EQ(done.error().code, ErrorCode::io_error);
  }
}

TEST_F(StreamedTransactionsTest, ShowsTheDescriptionsOfTablesThatWereRolledBack) {
  auto streamed = open(1 << 20);
  add(streamed, 7, 8, "gone");
  ASSERT_TRUE(streamed.add(7, 8, Kind::relation, Body("t", 1)));
  add(streamed, 7, 7, "kept");
  ASSERT_TRUE(streamed.abort(7, 8));
  std::vector<std::string> messages;
  ASSERT_TRUE(streamed.commit(7, [&](Kind, Body body, bool is_aborted) -> Status {
    messages.push_back(std::string(body.data(), body.size()) + (is_aborted ? " aborted" : ""));
    return {};
  }));
  EXPECT_THAT(messages, ElementsAre("t aborted", "kept"));
}

TEST_F(StreamedTransactionsTest, AFullDiskIsAnErrorThatNamesTheFile) {
  // A device that is always full.
  std::filesystem::create_directories(directory_);
  auto streamed = open(0);
  std::filesystem::create_symlink("/dev/full", directory_ / "1");
  const Status added = streamed.add(1, 1, Kind::insert, Body("a", 1));
  ASSERT_FALSE(added);
  EXPECT_EQ(added.error().code, ErrorCode::disk_full);
  EXPECT_NE(added.error().message.find(directory_.string()), std::string::npos);
}

}  // namespace
}  // namespace weir::postgres
