/// What is known of one connector's live copy, for people and for queries; the runner writes it.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "connector/changes.h"
#include "connector/sync_desk.h"
#include "telemetry/metrics.h"

namespace weir::sync {

/// Where a table stands.
enum class TablePhase : uint8_t {
  pending,       ///< waits for its snapshot
  snapshotting,  ///< its snapshot is being read
  streaming,     ///< the copy follows the source
  errored,       ///< what failed is tried again
  disabled,      ///< stopped with a reason; takes a resync or a person
};
std::string_view to_string(TablePhase phase);

/// Up to where a copy that is stopped has everything.
struct StopPoint {
  connector::Position position;
  std::chrono::system_clock::time_point as_of;
};

/// Events of the last ten seconds.
class Rate {
 public:
  using Time = std::chrono::steady_clock::time_point;
  void add(Time at, uint64_t events);
  double per_second(Time now) const;

 private:
  std::deque<std::pair<Time, uint64_t>> seconds_;  ///< one entry for each second with events
};

/// Thread-safe. Every change of a phase is told to `note` with no lock held.
class Board {
 public:
  explicit Board(connector::NoteStep note) : note_(std::move(note)) {}

  /// The tables that are to be kept; those that are not named any more are gone.
  void set_tables(const std::vector<plan::TableName>& tables);
  void set_phase(const plan::TableName& table, TablePhase phase, const std::string& reason);
  /// Where the copies stand now.
  StopPoint stop_point() const;
  /// The table is disabled: its copy stays as it was at `point`, until it is loaded anew.
  void stop_table(const plan::TableName& table, const std::string& reason, const StopPoint& point);
  /// All tables that are not disabled.
  void set_all(TablePhase phase, const std::string& reason);
  void set_paused(bool paused);
  /// The stream is open, or has failed with `error`.
  void set_error(const std::optional<Error>& error);
  /// The table's copy can be read; its rows so far.
  void set_complete(const plan::TableName& table, bool complete, uint64_t rows);
  /// About how many rows its snapshot will have.
  void set_estimate(const plan::TableName& table, uint64_t rows);
  void add_drift(const plan::TableName& table, const std::string& field, const std::string& status);

  void landed_rows(const plan::TableName& table, uint64_t events, std::chrono::system_clock::time_point at);
  /// A transaction of the landing is durable.
  void landed(const connector::Position& position, std::chrono::system_clock::time_point committed_at);
  void stream(const connector::StreamStats& stats);
  void source(const connector::ChangeSourceState& state);
  /// Where the source stood, and when we asked for it.
  void moment(const connector::SourceMoment& moment, std::chrono::steady_clock::time_point asked_at);
  /// All begins anew, perhaps from another source: positions of before say nothing.
  void forget_history();
  /// The source has told of more than has landed.
  bool is_behind() const;
  /// Called again and again: false when the copy is behind its source and has not moved for `stall_after`.
  bool watch(std::chrono::seconds stall_after);

  /// {status, phase, lag_seconds, lag_bytes, …}, as seed 000 shows it.
  nlohmann::json document() const;
  std::vector<connector::TableHealth> health() const;
  /// All but the landing's part.
  telemetry::SyncGauges gauges() const;
  std::vector<plan::TableName> tables() const;
  std::optional<connector::CopyState> copy(const plan::TableName& table) const;
  std::optional<TablePhase> phase(const plan::TableName& table) const;
  bool stalled() const;
  /// For a position or a freshness, in `wait`.
  bool somebody_waits() const;
  /// As SyncDesk::wait.
  Status wait(const plan::TableName& table, const connector::FreshnessDemand& demand, std::chrono::milliseconds limit,
              const std::function<bool()>& stop) const;

 private:
  struct Table {
    TablePhase phase = TablePhase::pending;
    std::string reason;                                 ///< of the phase
    std::optional<StopPoint> stopped;                   ///< set when the others may have gone on without it
    std::chrono::steady_clock::time_point stale_since;  ///< its `as_of`, on a clock that nobody sets
    bool complete = false;
    uint64_t rows = 0, events = 0, estimate = 0;
    Rate rate;
    std::optional<std::chrono::system_clock::time_point> last_event_at;
    std::string last_error;
  };
  struct Drift {
    std::string table, field, status;
    std::chrono::system_clock::time_point since;
  };

  void note_reached();
  bool is_stalled() const;
  std::optional<double> lag_seconds() const;
  std::optional<double> lag_seconds(const Table& table) const;
  const connector::Position& position(const Table& table) const;
  std::string status() const;
  nlohmann::json table_document(const plan::TableName& name, const Table& table) const;

  const connector::NoteStep note_;
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::map<plan::TableName, Table> tables_;
  mutable int waiting_ = 0;
  std::deque<Drift> drift_;
  bool paused_ = false, stalled_ = false, connected_ = false;
  std::optional<std::chrono::seconds> stall_after_;
  std::chrono::steady_clock::time_point source_at_;  ///< when `source_` was told
  std::string last_error_;
  connector::Position position_;
  std::chrono::steady_clock::time_point moved_at_ = std::chrono::steady_clock::now();  ///< or had nothing to do
  std::optional<std::chrono::system_clock::time_point> committed_at_, last_event_at_;
  connector::StreamStats stream_;
  std::optional<connector::ChangeSourceState> source_;
  struct Asked {
    connector::SourceMoment moment;
    std::chrono::steady_clock::time_point at;
  };
  std::optional<Asked> last_asked_;
  std::deque<Asked> not_reached_;  ///< oldest first
  /// With what has landed the copy is as the source was at this moment, at least.
  std::optional<std::chrono::steady_clock::time_point> as_of_;
  Rate rate_;
};

}  // namespace weir::sync
