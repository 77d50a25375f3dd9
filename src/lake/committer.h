/// The one committer of a process: it orders every commit to the lake, because DuckLake's catalog is optimistic and
/// concurrent commits of one process cost seconds of retries (docs/architecture.md).
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <stop_token>

#include "base/result.h"
#include "lake/sql_session.h"
#include "telemetry/metrics.h"

namespace weir::lake {

struct CommitterOptions {
  int waiting_max = 64;                           ///< writers that may wait; one more is refused
  std::chrono::milliseconds wait_max{60'000};     ///< how long a writer may wait for its turn
};

/// Thread-safe. First come, first served.
class Committer {
 public:
  Committer(CommitterOptions options, std::filesystem::path extents, telemetry::Metrics& metrics);
  ~Committer();

  /// Runs one writing statement as one durable transaction in `session`: waits for its turn, begins, runs `work`, syncs
  /// the extents that `work` wrote and their directories, commits. On any error everything is rolled back.
  /// Errors: those of `work`, too_many_requests, timeout, cancelled, commit_conflict, disk_full.
  Status commit(SqlSession& session, const std::function<Status()>& work, std::stop_token stop);

 private:
  struct Turn;
  CommitterOptions options_;
  std::filesystem::path extents_;
  telemetry::Metrics& metrics_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  uint64_t next_ticket_ = 0, serving_ = 0;
};

}  // namespace weir::lake
