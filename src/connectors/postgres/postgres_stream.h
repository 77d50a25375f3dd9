/// A read in progress: decides how to read, and runs the readers.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/background_threads.h"
#include "connector/source.h"
#include "connectors/postgres/postgres_options.h"
#include "connectors/postgres/postgres_pool.h"
#include "connectors/postgres/postgres_reader.h"
#include "connectors/postgres/postgres_schema_cache.h"
#include "connectors/postgres/postgres_split.h"
#include "connectors/postgres/postgres_transaction.h"

namespace weir::postgres {

/// What all reads of one source share.
struct ReadContext {
  std::string connector;  ///< its name, for errors
  PostgresOptions options;
  std::shared_ptr<Pool> pool;
  std::shared_ptr<SchemaCache> schema;
  /// Of all reads. Their number is bounded by the pool and by those who wait for it.
  std::shared_ptr<BackgroundThreads> threads = std::make_shared<BackgroundThreads>();
};

/// Whether a scan is expected to give few rows: it then runs as one plain statement.
bool is_small(const plan::Scan& scan, const PostgresOptions& options);

/// Connecting, waiting for the pool and reading all happen on its own threads.
class PostgresStream final : public connector::BatchStream {
 public:
  /// `transaction` is empty for a small read that is the only one of its query: it needs no snapshot of its own.
  PostgresStream(std::shared_ptr<const ReadContext> context, std::shared_ptr<SnapshotTransaction> transaction,
                 plan::Scan scan, const connector::ReadOptions& options);
  ~PostgresStream() override;
  /// Called once, before anything else. Errors: out_of_memory, when there can be no more threads.
  Status start();

  Result<Poll> poll(std::function<void()> on_ready) override;
  void cancel() override;
  connector::ReadStats stats() const override;
  int parallelism() const override;

 private:
  /// The pieces of a split read; streams take the next one when they are done with theirs.
  struct Pieces {
    std::vector<Piece> all;
    std::atomic<size_t> next = 0;
    std::string snapshot;
  };

  Status launch(std::function<Status(Waiter&)> work);
  void leave();
  void finish(Status status);
  Status read_alone(std::optional<Lease> sent, Waiter& waiter);
  Status read_in_snapshot(Waiter& waiter);
  Status read_small(Connection& connection, BatchSink& sink, Waiter& waiter);
  Status read_large(const SnapshotLease& lease, Waiter& waiter);
  Result<Layout> examine_settled(const SnapshotLease& lease, Waiter& waiter);
  Result<bool> split(const SnapshotLease& lease, const Layout& layout, Waiter& waiter);
  Status read_pieces(Connection& connection, Waiter& waiter);
  Status help(Lease place, Waiter& waiter);
  Status read_whole(Connection& connection, Waiter& waiter);
  BatchSink make_sink();
  void sending(const std::string& text);

  const std::shared_ptr<const ReadContext> context_;
  std::shared_ptr<SnapshotTransaction> transaction_;  // until the last reader has ended
  const plan::Scan scan_;
  const Statement statement_;  // of a small read
  const bool small_;
  const int streams_max_;
  const uint64_t queue_bytes_;
  std::stop_source stop_;
  BatchQueue queue_;
  ReadProgress progress_;
  Pieces pieces_;  // complete before a second reader starts
  std::atomic<int> readers_ = 0;
  mutable std::mutex mutex_;
  std::string remote_query_;
  int streams_ = 0;
  int threads_ = 0;  // that run here
  std::condition_variable thread_left_;
};

}  // namespace weir::postgres
