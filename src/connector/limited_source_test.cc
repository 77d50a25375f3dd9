#include "connector/limited_source.h"

#include <condition_variable>
#include <thread>

#include <gtest/gtest.h>

namespace weir::connector {
namespace {

constexpr int64_t kBatchRows = 100;

/// Gives `batches` batches of 100 rows and 1 MB, then ends, or hangs until it is cancelled.
class TestStream final : public BatchStream {
 public:
  TestStream(int batches, bool hangs) : batches_(batches), hangs_(hangs) {}

  Result<Poll> poll(std::function<void()> on_ready) override {
    const std::lock_guard lock(mutex_);
    if (cancelled_) return fail(ErrorCode::cancelled, "cancelled");
    if (given_ < batches_) {
      ++given_;
      Poll poll{.state = State::batch, .batch = {}};
      poll.batch.rows = kBatchRows;
      return poll;
    }
    if (!hangs_) return Poll{};
    on_ready_ = std::move(on_ready);
    return Poll{.state = State::pending, .batch = {}};
  }
  void cancel() override {
    std::function<void()> wake;
    {
      const std::lock_guard lock(mutex_);
      cancelled_ = true;
      wake.swap(on_ready_);
    }
    if (wake) wake();
  }
  ReadStats stats() const override {
    const std::lock_guard lock(mutex_);
    ReadStats stats;
    stats.bytes = static_cast<uint64_t>(given_) << 20;
    return stats;
  }
  int parallelism() const override { return 4; }

 private:
  mutable std::mutex mutex_;
  const int batches_;
  const bool hangs_;
  int given_ = 0;
  bool cancelled_ = false;
  std::function<void()> on_ready_;
};

class TestTransaction final : public ReadTransaction {
 public:
  TestTransaction(int batches, bool hangs) : batches_(batches), hangs_(hangs) {}
  Result<std::unique_ptr<BatchStream>> read(const plan::Scan&, const ReadOptions&) override {
    return std::unique_ptr<BatchStream>(std::make_unique<TestStream>(batches_, hangs_));
  }

 private:
  const int batches_;
  const bool hangs_;
};

class TestSource final : public Source {
 public:
  Result<plan::Capabilities> capabilities() override { return plan::Capabilities{}; }
  Result<SourceSchemaPtr> schema(bool) override { return SourceSchemaPtr(); }
  void forget_schema() override {}
  Result<std::unique_ptr<ReadTransaction>> begin(int) override {
    return std::unique_ptr<ReadTransaction>(std::make_unique<TestTransaction>(batches, hangs));
  }
  Result<ConnectionReport> test() override { return ConnectionReport{}; }
  PoolStats pool() const override { return {}; }

  int batches = 10;
  bool hangs = false;
};

/// Rows until the end, or the error.
Result<int64_t> drain(BatchStream& stream) {
  int64_t rows = 0;
  for (;;) {
    std::mutex mutex;
    std::condition_variable changed;
    bool ready = false;
    auto polled = WEIR_TRY(stream.poll([&] {
      const std::lock_guard lock(mutex);
      ready = true;
      changed.notify_one();
    }));
    if (polled.state == BatchStream::State::end) return rows;
    if (polled.state == BatchStream::State::batch) {
      rows += polled.batch.rows;
      continue;
    }
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return ready; });
  }
}

class LimitedSourceTest : public ::testing::Test {
 protected:
  Result<int64_t> read(const ReadLimits& limits, bool partial = false) {
    const auto limited = with_limits(source_, limits);
    const auto transaction = limited->begin(1).value();
    const auto stream = transaction->read({}, {.partial = partial}).value();
    auto rows = drain(*stream);
    cut_ = stream->stats().cut;
    return rows;
  }

  const std::shared_ptr<TestSource> source_ = std::make_shared<TestSource>();
  bool cut_ = false;
};

TEST_F(LimitedSourceTest, WithoutLimitsIsTheSourceItself) { EXPECT_EQ(with_limits(source_, {}), source_); }

TEST_F(LimitedSourceTest, GivesWhatFits) {
  EXPECT_EQ(read({.rows_max = 1000, .mb_max = 10}).value(), 1000);
  EXPECT_FALSE(cut_);
}

TEST_F(LimitedSourceTest, FailsBeyondRowsAndBytes) {
  const auto rows = read({.rows_max = 999});
  ASSERT_FALSE(rows);
  EXPECT_EQ(rows.error().code, ErrorCode::source_limit_exceeded);
  EXPECT_EQ(rows.error().message, "the query asks more of the source than limits.rows_max (999)");
  EXPECT_EQ(read({.mb_max = 5}).error().message, "the query asks more of the source than limits.mb_max (5 MB)");
}

TEST_F(LimitedSourceTest, EndsThereForOneThatTakesAPart) {
  EXPECT_EQ(read({.rows_max = 250}, true).value(), 250);
  EXPECT_TRUE(cut_);
  EXPECT_EQ(read({.mb_max = 5}, true).value(), 600) << "the batch that goes beyond it is there already";
  EXPECT_TRUE(cut_);
}

TEST_F(LimitedSourceTest, StopsOneThatHangs) {
  source_->hangs = true;
  const auto rows = read({.time_max = std::chrono::seconds(1)});
  ASSERT_FALSE(rows);
  EXPECT_EQ(rows.error().message, "the query asks more of the source than limits.seconds_max (1 s)");
  EXPECT_EQ(read({.time_max = std::chrono::seconds(1)}, true).value(), 1000);
  EXPECT_TRUE(cut_);
}

TEST_F(LimitedSourceTest, LetsSoManyQueriesInAndOthersWhenTheyEnd) {
  const auto limited = with_limits(source_, {.queries_max = 2});
  auto first = limited->begin(1), second = limited->begin(1);
  const auto third = limited->begin(1);
  ASSERT_FALSE(third);
  EXPECT_EQ(third.error().message, "2 queries read the source already (limits.queries_max)");
  first->reset();
  EXPECT_TRUE(limited->begin(1));
}

TEST_F(LimitedSourceTest, CountsSeveralReadersTogether) {
  const auto limited = with_limits(source_, {.rows_max = 1500});
  const auto transaction = limited->begin(2).value();
  std::atomic<int64_t> rows = 0;
  std::vector<std::jthread> readers;
  for (int i = 0; i < 4; ++i) {
    readers.emplace_back([&] {
      const auto stream = transaction->read({}, {.partial = true}).value();
      rows += drain(*stream).value();
    });
  }
  readers.clear();
  EXPECT_EQ(rows, 1500);
}

}  // namespace
}  // namespace weir::connector
