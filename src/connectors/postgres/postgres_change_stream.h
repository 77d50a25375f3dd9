/// The stream of changes: a thread that reads, decodes and gathers, and a bounded queue behind it.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "base/bounded_queue.h"
#include "connector/changes.h"
#include "connectors/postgres/change_context.h"
#include "connectors/postgres/change_decoder.h"
#include "connectors/postgres/postgres_replication.h"

namespace weir::postgres {

/// What a stream begins with.
struct StreamOrder {
  std::vector<FollowedTable> known;
  Lsn from;
  connector::GroupLimits limits;
  StreamedTransactions streamed;
};

class PostgresChangeStream final : public connector::ChangeStream {
 public:
  /// `replication` is streaming.
  PostgresChangeStream(std::shared_ptr<const ChangeContext> context, std::unique_ptr<ReplicationConnection> replication,
                       StreamOrder order);
  ~PostgresChangeStream() override;

  Result<std::optional<connector::ChangeGroup>> next(std::chrono::milliseconds wait) override;
  void confirm(const connector::Position& position) override;
  void hurry() override { is_hurried_ = true; }
  void cancel() override;
  connector::StreamStats stats() const override;

 private:
  class Reader;

  const std::shared_ptr<const ChangeContext> context_;
  const connector::GroupLimits limits_;
  std::stop_source stop_;
  BoundedQueue<connector::ChangeGroup> queue_;
  std::atomic<int> waiting_groups_ = 0;  ///< in the queue
  std::atomic<uint64_t> confirmed_;
  std::atomic<bool> is_hurried_ = false;
  mutable std::mutex mutex_;
  connector::StreamStats stats_;
  std::condition_variable arrived_;
  bool is_ready_ = false;  ///< the queue has called back
  bool is_asked_ = false;  ///< the queue is to call back
  std::jthread thread_;
};

}  // namespace weir::postgres
