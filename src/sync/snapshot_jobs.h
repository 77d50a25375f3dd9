/// Reads the snapshots of a connector's tables, a few at a time.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "connector/changes.h"
#include "sync/board.h"
#include "sync/landing.h"

namespace weir::sync {

/// Thread-safe. A failed snapshot is tried again, with a new point and a growing pause, until it is dropped.
class SnapshotJobs {
 public:
  struct Done {
    plan::TableName table;
    uint64_t rows = 0;
    connector::Position at;  ///< the moment of the snapshot
  };

  /// `connector` is the name by which weir_snapshot knows it. `wake` is called when `take_done` has something.
  SnapshotJobs(std::string connector, std::shared_ptr<connector::ChangeSource> changes,
               std::shared_ptr<Landing> landing, Board& board, int tables_max, std::function<void()> wake);
  /// Stops what is being read, and waits for it.
  ~SnapshotJobs();
  SnapshotJobs(const SnapshotJobs&) = delete;
  SnapshotJobs& operator=(const SnapshotJobs&) = delete;

  /// The table was prepared. `point`: where it is read first; nothing: at a point of its own.
  void add(const plan::TableName& table, std::shared_ptr<connector::SnapshotPoint> point);
  bool has(const plan::TableName& table) const;
  /// Those whose moment is no later than `position`: a table that is ahead of the others must wait for them.
  std::vector<Done> take_done(const connector::Position& position);
  /// A table is ahead of the others.
  bool awaits_position() const;

 private:
  struct Job {
    plan::TableName table;
    std::shared_ptr<connector::SnapshotPoint> point;
    int failures = 0;
    std::chrono::steady_clock::time_point not_before;
  };

  void work(const std::stop_token& stop);
  Result<Done> read(Job& job, const std::stop_token& stop);

  const std::string connector_;
  const std::shared_ptr<connector::ChangeSource> changes_;
  const std::shared_ptr<Landing> landing_;
  Board& board_;
  const std::function<void()> wake_;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<Job> waiting_;
  uint64_t added_ = 0;
  std::vector<plan::TableName> reading_;
  std::vector<Done> done_;
  std::vector<std::jthread> threads_;
};

}  // namespace weir::sync
