/// A source for tests of federation: it remembers what it was asked, checks no filter and no limit, and gives rows when
/// the test says so.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <arrow/api.h>
#include <arrow/c/bridge.h>

#include "connector/source.h"

namespace weir::engine::testing {

inline void check(const arrow::Status& status) {
  if (!status.ok()) throw std::runtime_error(status.ToString());
}

/// Feeds a test's stream; used by the table's script on the stream's own thread.
class TestStream final : public connector::BatchStream {
 public:
  using Script = std::function<void(TestStream&, std::stop_token)>;

  TestStream(Script script, plan::Scan scan) : scan_(std::move(scan)) {
    feeder_ = std::jthread([this, script = std::move(script)](std::stop_token stop) { script(*this, stop); });
  }
  ~TestStream() override {
    cancel();
    feeder_.join();
  }

  const plan::Scan& scan() const { return scan_; }

  /// Takes a batch of all columns of the table.
  void give(const std::shared_ptr<arrow::RecordBatch>& table) {
    std::vector<int> columns(scan_.projection.begin(), scan_.projection.end());
    const auto projected = table->SelectColumns(columns).ValueOrDie();
    connector::Batch batch;
    batch.rows = table->num_rows();
    check(arrow::ExportRecordBatch(*projected, batch.columns.get()));
    give(std::move(batch));
  }
  /// Takes a batch of the projected columns.
  void give(connector::Batch batch) {
    change([&] {
      stats_.rows += static_cast<uint64_t>(batch.rows);
      stats_.bytes += 100;
      ready_.push_back(std::move(batch));
    });
  }
  void end() {
    change([&] { ended_ = true; });
  }
  void fail_with(Error error) {
    change([&] { error_ = std::move(error); });
  }
  /// Until the stream was cancelled.
  void hang(const std::stop_token& stop) {
    std::mutex mutex;
    std::condition_variable_any never;
    std::unique_lock lock(mutex);
    never.wait(lock, stop, [] { return false; });
  }
  /// Until every batch was taken.
  void wait_until_taken(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    taken_.wait(lock, stop, [this] { return ready_.empty(); });
  }

  Result<Poll> poll(std::function<void()> on_ready) override {
    const std::lock_guard lock(mutex_);
    if (cancelled_) return fail(ErrorCode::cancelled, "the query was cancelled");
    if (!ready_.empty()) {
      Poll answer{State::batch, std::move(ready_.front())};
      ready_.pop_front();
      taken_.notify_all();
      return answer;
    }
    if (error_) return fail(*error_);
    if (ended_) return Poll{State::end, {}};
    waiting_.push_back(std::move(on_ready));
    return Poll{State::pending, {}};
  }
  void cancel() override {
    feeder_.request_stop();
    change([&] { cancelled_ = true; });
  }
  connector::ReadStats stats() const override {
    const std::lock_guard lock(mutex_);
    auto stats = stats_;
    stats.remote_query = "SELECT … FROM " + scan_.table.to_string();
    stats.duration_ms = 1.5;
    return stats;
  }
  int parallelism() const override { return 2; }

 private:
  void change(const std::function<void()>& what) {
    std::vector<std::function<void()>> waiting;
    {
      const std::lock_guard lock(mutex_);
      what();
      waiting.swap(waiting_);
    }
    for (const auto& wake : waiting) wake();
  }

  const plan::Scan scan_;
  mutable std::mutex mutex_;
  std::condition_variable_any taken_;
  std::deque<connector::Batch> ready_;
  std::vector<std::function<void()>> waiting_;
  connector::ReadStats stats_;
  std::optional<Error> error_;
  bool ended_ = false;
  bool cancelled_ = false;
  std::jthread feeder_;
};

struct TestTable {
  connector::TableInfo info;
  TestStream::Script script;
};

/// Thread-safe.
class TestSource final : public connector::Source {
 public:
  explicit TestSource(plan::Capabilities capabilities) : capabilities_(capabilities) {}

  void put(TestTable table) {
    const std::lock_guard lock(mutex_);
    tables_[table.info.name] = std::move(table);
    fresh_ = false;
  }
  void remove(const plan::TableName& name) {
    const std::lock_guard lock(mutex_);
    tables_.erase(name);
    fresh_ = false;
  }
  /// From now on, the source cannot be reached.
  void break_with(Error error) {
    const std::lock_guard lock(mutex_);
    broken_ = std::move(error);
  }
  std::vector<plan::Scan> asked() const {
    const std::lock_guard lock(mutex_);
    return asked_;
  }
  plan::Scan last_asked() const { return asked().back(); }
  std::vector<int> expected_reads() const {
    const std::lock_guard lock(mutex_);
    return expected_reads_;
  }
  int schema_reads() const {
    const std::lock_guard lock(mutex_);
    return schema_reads_;
  }
  int forgotten() const {
    const std::lock_guard lock(mutex_);
    return forgotten_;
  }

  Result<plan::Capabilities> capabilities() override { return capabilities_; }
  /// As real ones do, this answers from its cache unless asked to refresh.
  Result<connector::SourceSchemaPtr> schema(bool refresh) override {
    const std::lock_guard lock(mutex_);
    if (broken_) return fail(*broken_);
    if (!schema_ || (refresh && !fresh_)) {
      auto schema = std::make_shared<connector::SourceSchema>();
      for (const auto& [name, table] : tables_) schema->tables[name] = table.info;
      schema_ = std::move(schema);
      fresh_ = true;
      ++schema_reads_;
    }
    return schema_;
  }
  void forget_schema() override {
    const std::lock_guard lock(mutex_);
    schema_.reset();
    ++forgotten_;
  }
  Result<std::unique_ptr<connector::ReadTransaction>> begin(int expected_reads) override {
    const std::lock_guard lock(mutex_);
    expected_reads_.push_back(expected_reads);
    if (broken_) return fail(*broken_);
    return std::make_unique<Transaction>(*this);
  }
  Result<std::unique_ptr<connector::ReadTransaction>> begin_at(const std::string& snapshot) override {
    const std::lock_guard lock(mutex_);
    snapshots_.push_back(snapshot);
    if (broken_) return fail(*broken_);
    return std::make_unique<Transaction>(*this);
  }
  /// The snapshots that reads were begun at.
  std::vector<std::string> snapshots() const {
    const std::lock_guard lock(mutex_);
    return snapshots_;
  }
  Result<connector::ConnectionReport> test() override { return connector::ConnectionReport{}; }
  connector::PoolStats pool() const override { return {}; }

 private:
  struct Transaction final : connector::ReadTransaction {
    explicit Transaction(TestSource& source) : source(source) {}
    Result<std::unique_ptr<connector::BatchStream>> read(const plan::Scan& scan,
                                                         const connector::ReadOptions&) override {
      const std::lock_guard lock(source.mutex_);
      source.asked_.push_back(scan);
      return std::make_unique<TestStream>(source.tables_.at(scan.table).script, scan);
    }
    TestSource& source;
  };

  const plan::Capabilities capabilities_;
  mutable std::mutex mutex_;
  std::map<plan::TableName, TestTable> tables_;
  connector::SourceSchemaPtr schema_;
  bool fresh_ = false;
  std::optional<Error> broken_;
  std::vector<plan::Scan> asked_;
  std::vector<int> expected_reads_;
  std::vector<std::string> snapshots_;
  int schema_reads_ = 0;
  int forgotten_ = 0;
};

}  // namespace weir::engine::testing
