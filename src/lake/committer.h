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
#include <optional>
#include <set>
#include <stop_token>

#include "base/result.h"
#include "lake/hot.h"
#include "lake/retention.h"
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
  Committer(CommitterOptions options, const std::filesystem::path& extents, telemetry::Metrics& metrics);
  ~Committer();
  Committer(const Committer&) = delete;
  Committer& operator=(const Committer&) = delete;

  /// Waits for its turn and runs `work`: one writing statement of `session` in autocommit, run to its end, or an
  /// explicit transaction without DDL (docs/decisions/0003 says why). The engine's file system syncs every extent
  /// before the statement commits. On any error nothing has changed and no transaction is left open.
  /// Errors: those of `work`, too_many_requests, timeout, cancelled, commit_conflict, disk_full.
  Status commit(SqlSession& session, const std::function<Status()>& work, std::stop_token stop);

  /// A transaction of the lake that may take long before its turn, e.g. the loading of a snapshot. What it may still
  /// compare itself with must not be expired meanwhile.
  class LongWrite {
   public:
    explicit LongWrite(Committer& committer);
    ~LongWrite();
    LongWrite(const LongWrite&) = delete;
    LongWrite& operator=(const LongWrite&) = delete;

   private:
    Committer& committer_;
    const std::chrono::steady_clock::time_point began_at_ = std::chrono::steady_clock::now();
  };
  /// When the oldest of those began, by the clock of now; nothing when there is none.
  std::optional<std::chrono::system_clock::time_point> oldest_long_write();

  /// The data directory.
  const std::filesystem::path& directory() const { return directory_; }
  /// Of the folds of live copies, which are commits too.
  FoldEpoch& epoch() { return epoch_; }
  Retention& retention() { return retention_; }

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
  std::multiset<std::chrono::steady_clock::time_point> long_writes_;
  FoldEpoch epoch_;
  Retention retention_;
};

}  // namespace weir::lake
