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
#include <set>
#include <stop_token>

#include "base/result.h"
#include "lake/sql_session.h"
#include "telemetry/metrics.h"

namespace weir::lake {

struct CommitterOptions {
  int waiting_max = 64;                        ///< writers that may wait; one more is refused
  std::chrono::milliseconds wait_max{60'000};  ///< how long a writer may wait for its turn
  uint64_t catalog_log_bytes_max = 16u << 20;  ///< the catalog's log is folded into it when it is larger
};

/// Thread-safe. First come, first served.
class Committer {
 public:
  /// `extents` is the directory of the lake's files; the catalog lies beside it.
  Committer(CommitterOptions options, std::filesystem::path extents, telemetry::Metrics& metrics);
  ~Committer();
  Committer(const Committer&) = delete;
  Committer& operator=(const Committer&) = delete;

  /// Waits for its turn and runs `work`: one writing statement of `session` in autocommit, run to its end, or an
  /// explicit transaction without DDL (docs/decisions/0003 says why). The engine's file system syncs every extent
  /// before the statement commits. On any error nothing has changed and no transaction is left open.
  /// Errors: those of `work`, too_many_requests, timeout, cancelled, commit_conflict, disk_full.
  Status commit(SqlSession& session, const std::function<Status()>& work, std::stop_token stop);

 private:
  class Turn;
  Status take_turn(const std::stop_token& stop);
  void end_turn();
  void fold_catalog_log(SqlSession& session);

  CommitterOptions options_;
  std::filesystem::path directory_;  ///< the data directory
  telemetry::Metrics& metrics_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  uint64_t next_ticket_ = 0;
  std::set<uint64_t> waiting_;  ///< the first is served next
  bool serving_ = false;
};

}  // namespace weir::lake
