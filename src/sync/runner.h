/// The life of one connector's live copy: arranges its tables, reads their snapshots, lands the stream, watches the
/// source.
#pragma once

#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <thread>

#include "connector/changes.h"
#include "connector/sync_desk.h"
#include "connector/sync_options.h"
#include "state/store.h"
#include "sync/board.h"
#include "sync/landing.h"
#include "sync/snapshot_jobs.h"
#include "telemetry/metrics.h"

namespace weir::sync {

/// Makes the landing of a connector.
using OpenLanding =
    std::function<Result<std::unique_ptr<Landing>>(const std::string& connector, LandingOptions options)>;

/// What all runners share.
struct RunnerServices {
  OpenLanding open_landing;
  std::filesystem::path spill;  ///< a directory; each connector gets one inside
  state::Store& store;
  Landing::OpenSession open_session;  ///< for comparisons
  lake::Committer& committer;
  telemetry::Metrics& metrics;
  bool follow = true;  ///< false: the copies are only read, as they were left
};

/// Thread-safe. One thread streams, one folds, one watches the source, and one per snapshot that is being read.
class Runner {
 public:
  Runner(RunnerServices services, connector::SyncOrder order, connector::SyncOptions options);
  /// Stops; what was landed stays.
  ~Runner();
  Runner(const Runner&) = delete;
  Runner& operator=(const Runner&) = delete;

  /// Shows the copies as they were left, and begins.
  void start();
  void pause(bool paused);
  /// The table goes back through a snapshot; when the whole copy is disabled, all tables do.
  /// Errors: table_not_found.
  Status resync(const plan::TableName& table);
  /// Ends its threads; what was landed stays, and can be read. Comparisons end with `cancelled`.
  void halt();
  /// Stops, and removes what is on the source and the copies.
  Status forget();
  /// As SyncDesk::verify.
  Result<nlohmann::json> verify(const plan::TableName& table, const std::stop_token& stop);

  const Board& board() const { return board_; }
  const std::string& name() const { return order_.spec.name; }
  telemetry::SyncGauges gauges() const;
  /// The board's, and how far the snapshots are that are being read.
  nlohmann::json document() const;
  /// As SyncDesk::copy.
  std::optional<connector::CopyState> copy(const plan::TableName& table) const;
  /// As ChangeSource::position_of.
  Result<connector::Position> position_of(const std::string& text) const;

 private:
  struct Stop {
    connector::TableStop why;
    StopPoint point;
  };

  // runner.cc
  void recall_stops();
  Status show_what_is_there();
  void run(const std::stop_token& stop);
  Status follow(const std::stop_token& stop);
  bool must_turn(const std::stop_token& stop) const;
  void turn();
  void wait_before_retry(std::chrono::milliseconds duration, const std::stop_token& stop);
  std::shared_ptr<Landing> landing() const;
  Result<std::shared_ptr<Landing>> comparable(const plan::TableName& table) const;

  // runner_arrangement.cc
  Status check_history(connector::ChangeSource& changes);
  Status arrange(connector::ChangeSource& changes);
  Result<std::vector<connector::ChangeTablePtr>> examine(connector::ChangeSource& changes);
  void show_estimates(const std::vector<connector::ChangeTablePtr>& tables);
  Result<std::vector<connector::ChangeTablePtr>> prepare(const std::vector<connector::ChangeTablePtr>& tables,
                                                         const std::vector<LandedTable>& landed,
                                                         const std::set<plan::TableName>& anew);
  Status begin_history(connector::ChangeSource& changes, const std::vector<connector::ChangeTablePtr>& tables);
  Status restart_if_asked(connector::ChangeSource& changes);
  Status stop_table(const plan::TableName& table, const connector::TableStop& stop);
  Status stop_table(const plan::TableName& table, const connector::TableStop& stop, const StopPoint& point);
  StopPoint last_seen() const;

  // runner_stream.cc
  Status pump(connector::ChangeStream& stream, const std::stop_token& stop);
  void hurry_if_wanted(connector::ChangeStream& stream);
  Status land(connector::ChangeStream& stream, const connector::ChangeGroup& group);
  bool may_wait(const connector::ChangeGroup& group) const;
  Status land_change(const connector::Change& change, const connector::ChangeGroup& group);
  bool is_before_snapshot(const plan::TableName& table, const connector::Position& position) const;
  Status stop_midway(const plan::TableName& table, const connector::TableStop& stop);
  void show_landed(double commit_seconds);
  Status take_snapshots();
  void show_schema_change(const connector::SchemaChange& change);

  // runner_watch.cc
  void fold(const std::stop_token& stop);
  void stop_what_cannot_be_folded(const Landing& landing);
  void watch(const std::stop_token& stop);
  void watch_once(connector::ChangeSource& changes);
  bool take_moment(connector::ChangeSource& changes);
  void look_for_dropped(connector::ChangeSource& changes);
  void drop_log(connector::ChangeSource& changes);

  const RunnerServices services_;
  const connector::SyncOrder order_;
  const connector::SyncOptions options_;
  Board board_;

  mutable std::mutex mutex_;
  std::condition_variable_any asked_;
  bool paused_ = false;
  bool moment_wanted_ = false;  ///< somebody waits for freshness
  bool turn_ = false;           ///< the stream is to be opened anew, because something was asked for
  bool disabled_ = false;       ///< the whole copy, until a resync
  bool restart_ = false;        ///< everything anew, from a new slot
  std::set<plan::TableName> resync_;
  std::optional<StopPoint> all_there_;  ///< when the source had and published all tables, the last time somebody looked

  std::shared_ptr<Landing> landing_;  ///< set under `mutex_`; used by the threads below
  std::shared_ptr<connector::ChangeSource> changes_;
  std::map<plan::TableName, Stop> stops_;  ///< of the stream's thread
  std::atomic<bool> hurry_ = false;        ///< the stream shall say where it is
  bool log_drop_due_ = false;              ///< of the watching thread: the slot is to be dropped
  std::set<plan::TableName> missing_;      ///< of the watching thread: not found at its last look
  std::string identity_;
  bool landing_open_ = false;                           ///< a transaction of the landing is open
  std::chrono::steady_clock::time_point committed_at_;  ///< of the landing's last one
  /// Of the transaction that is open.
  struct Uncommitted {
    struct Events {
      uint64_t count = 0;
      std::chrono::system_clock::time_point last_at;
    };
    std::map<plan::TableName, Events> events;
    std::vector<connector::SchemaChange> shapes;
  };
  Uncommitted uncommitted_;
  bool cannot_write_ = false;  ///< since the last commit: an open stream alone is no good sign
  bool reopen_ = false;        ///< the landing is to be opened anew: somebody else landed, or all was dropped
  std::unique_ptr<SnapshotJobs> jobs_;
  std::stop_source halted_;
  std::mutex verifying_;  ///< one comparison at a time: each takes a slot of the source
  std::jthread stream_thread_, fold_thread_, watch_thread_;
};

}  // namespace weir::sync
