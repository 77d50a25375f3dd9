#include "connector/limited_source.h"

#include <mutex>
#include <optional>
#include <utility>

#include <fmt/format.h>

namespace weir::connector {
namespace {

/// What all reads of one query have used up.
class Budget {
 public:
  explicit Budget(const ReadLimits& limits) : limits_(limits) {}

  /// How many of `rows` more still fit.
  int64_t take_rows(int64_t rows) {
    if (limits_.rows_max == 0) return rows;
    const std::lock_guard lock(mutex_);
    const auto left = static_cast<int64_t>(limits_.rows_max - std::min(rows_, limits_.rows_max));
    rows_ += static_cast<uint64_t>(rows);
    if (rows > left) spent_ = fmt::format("limits.rows_max ({})", limits_.rows_max);
    return std::min(rows, left);
  }
  void take_bytes(uint64_t bytes) {
    if (limits_.mb_max == 0) return;
    const std::lock_guard lock(mutex_);
    bytes_ += bytes;
    if (bytes_ > limits_.mb_max << 20) spent_ = fmt::format("limits.mb_max ({} MB)", limits_.mb_max);
  }
  void end_time() {
    const std::lock_guard lock(mutex_);
    spent_ = fmt::format("limits.seconds_max ({} s)", limits_.time_max.count());
  }
  /// The limit that was reached; nothing before.
  std::optional<std::string> spent() const {
    const std::lock_guard lock(mutex_);
    return spent_;
  }

 private:
  const ReadLimits limits_;
  mutable std::mutex mutex_;
  uint64_t rows_ = 0;
  uint64_t bytes_ = 0;
  std::optional<std::string> spent_;
};

class LimitedStream final : public BatchStream {
 public:
  LimitedStream(std::shared_ptr<BatchStream> stream, std::shared_ptr<Budget> budget, bool partial)
      : stream_(std::move(stream)), budget_(std::move(budget)), partial_(partial) {}

  Result<Poll> poll(std::function<void()> on_ready) override {
    if (const auto spent = budget_->spent()) return stop(*spent);
    auto polled = stream_->poll(std::move(on_ready));
    if (!polled) {
      // The end of the time cancels the stream.
      const auto spent = budget_->spent();
      return spent ? stop(*spent) : fail(std::move(polled.error()));
    }
    if (polled->state != State::batch) return polled;
    count_bytes();
    polled->batch.rows = budget_->take_rows(polled->batch.rows);
    const auto spent = budget_->spent();
    if (!spent || (partial_ && polled->batch.rows > 0)) return polled;
    return stop(*spent);
  }
  void cancel() override { stream_->cancel(); }
  ReadStats stats() const override {
    auto stats = stream_->stats();
    stats.cut = cut_;
    return stats;
  }
  int parallelism() const override { return stream_->parallelism(); }

 private:
  Result<Poll> stop(const std::string& spent) {
    stream_->cancel();
    if (!partial_) return fail(ErrorCode::source_limit_exceeded, "the query asks more of the source than " + spent);
    cut_ = true;
    return Poll{.state = State::end, .batch = {}};
  }

  void count_bytes() {
    const auto bytes = stream_->stats().bytes;
    budget_->take_bytes(bytes - std::min(bytes, counted_.exchange(bytes)));
  }

  const std::shared_ptr<BatchStream> stream_;
  const std::shared_ptr<Budget> budget_;
  const bool partial_;
  std::atomic<uint64_t> counted_ = 0;
  std::atomic<bool> cut_ = false;
};

class LimitedTransaction final : public ReadTransaction {
 public:
  LimitedTransaction(std::unique_ptr<ReadTransaction> transaction, const ReadLimits& limits,
                     std::shared_ptr<std::atomic<int>> running, std::shared_ptr<Deadlines> deadlines)
      : transaction_(std::move(transaction)),
        limits_(limits),
        budget_(std::make_shared<Budget>(limits)),
        running_(std::move(running)),
        deadlines_(std::move(deadlines)) {}
  LimitedTransaction(const LimitedTransaction&) = delete;
  LimitedTransaction& operator=(const LimitedTransaction&) = delete;
  ~LimitedTransaction() override {
    transaction_.reset();
    --*running_;
  }

  Result<std::unique_ptr<BatchStream>> read(const plan::Scan& scan, const ReadOptions& options) override {
    const std::shared_ptr<BatchStream> stream = WEIR_TRY(transaction_->read(scan, options));
    if (deadlines_) {
      deadlines_->add(limits_.time_max, stream, [stream = stream.get(), budget = budget_] {
        budget->end_time();
        stream->cancel();
      });
    }
    return std::unique_ptr<BatchStream>(std::make_unique<LimitedStream>(stream, budget_, options.partial));
  }

 private:
  std::unique_ptr<ReadTransaction> transaction_;
  const ReadLimits limits_;
  const std::shared_ptr<Budget> budget_;
  const std::shared_ptr<std::atomic<int>> running_;
  const std::shared_ptr<Deadlines> deadlines_;
};

}  // namespace

LimitedSource::LimitedSource(std::shared_ptr<Source> source, ReadLimits limits)
    : source_(std::move(source)),
      limits_(limits),
      deadlines_(limits.time_max.count() > 0 ? std::make_shared<Deadlines>() : nullptr) {}

Result<std::unique_ptr<ReadTransaction>> LimitedSource::begin(int expected_reads) {
  const int running = ++*running_;
  if (limits_.queries_max > 0 && running > limits_.queries_max) {
    --*running_;
    return fail(ErrorCode::source_limit_exceeded,
                fmt::format("{} queries read the source already (limits.queries_max)", limits_.queries_max),
                "Try again when one of them has ended, or raise the limit.");
  }
  auto begun = source_->begin(expected_reads);
  if (!begun) {
    --*running_;
    return begun;
  }
  return std::unique_ptr<ReadTransaction>(
      std::make_unique<LimitedTransaction>(std::move(*begun), limits_, running_, deadlines_));
}

std::shared_ptr<Source> with_limits(std::shared_ptr<Source> source, const ReadLimits& limits) {
  if (!limits.any()) return source;
  return std::make_shared<LimitedSource>(std::move(source), limits);
}

}  // namespace weir::connector
