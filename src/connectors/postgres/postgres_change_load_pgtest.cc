/// Large transactions, many of them, and connections that hang.
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "connectors/postgres/changes_fixture.h"
#include "connectors/postgres/freezable_proxy.h"

namespace weir::postgres {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
/// A sanitizer keeps what was freed for a while, and everything takes longer.
constexpr int64_t kMemoryMax = 1000;
constexpr std::chrono::milliseconds kSilence{3'000};
#else
constexpr int64_t kMemoryMax = 250;
constexpr std::chrono::milliseconds kSilence{500};
#endif

class PostgresChangeLoadTest : public ChangesTest {
 protected:
  /// Resident memory of this process in megabytes: now, and the most since `reset_peak`.
  static int64_t memory_mb(const std::string& field) {
    std::ifstream status("/proc/self/status");
    std::string word;
    int64_t kilobytes = 0;
    while (status >> word) {
      if (word == field) status >> kilobytes;
    }
    return kilobytes / 1024;
  }
  static void reset_peak() { std::ofstream("/proc/self/clear_refs") << "5"; }

  /// Takes groups until so many rows have come; the sum of the first column.
  int64_t read_sum(uint64_t rows) {
    int64_t sum = 0;
    for (uint64_t got = 0; got < rows;) {
      auto group = stream_->next(milliseconds(30'000));
      EXPECT_TRUE(group) << group.error().to_string();
      if (!group || !*group) break;
      got += (*group)->rows;
      for (connector::Change& change : (*group)->changes) {
        auto& one = std::get<connector::RowChanges>(change);
        const auto* ids = static_cast<const int64_t*>(one.rows->children[0]->buffers[1]);
        for (int64_t i = 0; i < one.count; i++) sum += ids[i];
      }
      if ((*group)->complete) stream_->confirm((*group)->position);
    }
    return sum;
  }
};

TEST_F(PostgresChangeLoadTest, ATransactionOfAMillionRowsTakesLittleMemory) {
  witness_->run("CREATE TABLE " + table("wide") + " (id int8 PRIMARY KEY, filler text)");
  auto limits = quick();
  limits.spill_memory_bytes = 16u << 20;
  follow({"wide"}, limits);
  reset_peak();
  const auto before = memory_mb("VmRSS:");
  witness_->run("INSERT INTO " + table("wide") + " SELECT i, repeat('x', 100) FROM generate_series(1, 1000000) i");
  EXPECT_EQ(read_sum(1'000'000), int64_t{1'000'000} * 1'000'001 / 2);
  EXPECT_LT(memory_mb("VmHWM:") - before, kMemoryMax);
}

TEST_F(PostgresChangeLoadTest, AHundredLargeTransactionsAtOnceTakeLittleMemory) {
  constexpr int kSessions = 60, kRows = 4000;
  witness_->run("CREATE TABLE " + table("wide") + " (id int8 PRIMARY KEY, filler text)");
  auto limits = quick();
  limits.spill_memory_bytes = 8u << 20;
  follow({"wide"}, limits);
  reset_peak();
  const auto before = memory_mb("VmRSS:");
  std::vector<std::unique_ptr<Witness>> sessions;
  for (int i = 0; i < kSessions; i++) {
    sessions.push_back(std::make_unique<Witness>());
    const std::string from = std::to_string(i * kRows), to = std::to_string((i + 1) * kRows - 1);
    sessions.back()->run("BEGIN; INSERT INTO " + table("wide") + " SELECT i, repeat('x', 100) FROM generate_series(" +
                         from + ", " + to + ") i");
  }
  EXPECT_TRUE(eventually([&] { return stream_->stats().spilled_bytes > 0; }, milliseconds(20'000)));
  for (auto& session : sessions) session->run("COMMIT");
  constexpr int64_t kAll = int64_t{kSessions} * kRows;
  EXPECT_EQ(read_sum(kAll), kAll * (kAll - 1) / 2);
  EXPECT_LT(memory_mb("VmHWM:") - before, kMemoryMax);
}

TEST_F(PostgresChangeLoadTest, AConsumerThatPausesLosesNothing) {
  witness_->run("CREATE TABLE " + table("wide") + " (id int8 PRIMARY KEY, filler text)");
  auto limits = quick();
  limits.rows_max = 100;
  limits.silence_max = kSilence;
  follow({"wide"}, limits);
  witness_->run("INSERT INTO " + table("wide") + " SELECT i, repeat('x', 100) FROM generate_series(1, 50000) i");
  const auto until = std::chrono::steady_clock::now() + 3 * kSilence;
  EXPECT_FALSE(eventually([&] { return std::chrono::steady_clock::now() > until; }, 2 * kSilence));
  EXPECT_EQ(read_sum(50'000), int64_t{50'000} * 50'001 / 2);
}

TEST_F(PostgresChangeLoadTest, AHalfOpenConnectionIsNoticed) {
  witness_->run("CREATE TABLE " + table("users") + " (id int8 PRIMARY KEY)");
  const std::string url = test_url();
  const size_t at = url.rfind(':') + 1;
  FreezableProxy proxy(url.substr(at, url.find('/', at) - at));
  const auto source = open({{"url", url.substr(0, at) + proxy.port() + url.substr(url.find('/', at))}});
  changes_ = source->changes();
  auto limits = quick();
  limits.silence_max = milliseconds(1'000);
  follow({"users"}, limits);
  // Silence alone is no reason: the source answers when it is asked.
  const auto quiet_until = std::chrono::steady_clock::now() + milliseconds(2'500);
  while (std::chrono::steady_clock::now() < quiet_until) ASSERT_TRUE(stream_->next(milliseconds(100)));
  proxy.freeze();
  const auto frozen_at = std::chrono::steady_clock::now();
  Result<std::optional<connector::ChangeGroup>> ended;
  EXPECT_TRUE(eventually(
      [&] {
        ended = stream_->next(milliseconds(100));
        return !ended;
      },
      milliseconds(5'000)));
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().code, ErrorCode::source_connection_lost) << ended.error().to_string();
  EXPECT_LT(std::chrono::steady_clock::now() - frozen_at, milliseconds(3'000));
  stream_.reset();
  // The source has not noticed yet; the slot is taken from it.
  changes_ = source_->changes();
  ASSERT_TRUE(changes_->forget());
}

TEST_F(PostgresChangeLoadTest, CancelEndsAWaitAtOnce) {
  witness_->run("CREATE TABLE " + table("users") + " (id int8 PRIMARY KEY)");
  follow({"users"});
  const auto began = std::chrono::steady_clock::now();
  std::jthread canceller([&] { stream_->cancel(); });
  Result<std::optional<connector::ChangeGroup>> ended;
  EXPECT_TRUE(eventually(
      [&] {
        ended = stream_->next(milliseconds(5'000));
        return !ended;
      },
      milliseconds(10'000)));
  EXPECT_EQ(ended.error().code, ErrorCode::cancelled);
  EXPECT_LT(std::chrono::steady_clock::now() - began, milliseconds(1'000));
}

}  // namespace
}  // namespace weir::postgres
