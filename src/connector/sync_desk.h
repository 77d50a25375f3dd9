/// What the fleet needs of whoever keeps live copies (`sync::Copies`), so that it need not know how.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/result.h"
#include "connector/registry.h"
#include "connector/source.h"
#include "plan/scan.h"

namespace weir::connector {

/// A step of a table of a live copy, or of the whole copy when `table` is empty.
using NoteStep = std::function<void(const std::string& table, const std::string& from, const std::string& to,
                                    const std::string& reason)>;

/// A connector whose tables are to be kept.
struct SyncOrder {
  Spec spec;
  std::shared_ptr<Source> source;
  bool paused = false;
  bool somebody_waits = false;  ///< for warnings: the source may be asked right away
  NoteStep note;                ///< thread-safe
};

/// One synced table, for `kyma_connector_health`.
struct TableHealth {
  std::string table, phase, last_error;
  std::optional<double> lag_seconds, events_per_sec;
  std::optional<std::chrono::system_clock::time_point> last_event_at;
};

/// How a bare reference to a table of a connector is to be answered.
struct CopyState {
  bool complete = false;    ///< the copy can be read
  std::string current_sql;  ///< a SELECT of its rows; set when it can be read
  std::string raw_sql;      ///< the same with the tombstones of deleted rows
  bool loading = false;     ///< its snapshot is being read
  bool stopped = false;     ///< it does not follow its source any more, whether it can be read or not
  std::string why_not;      ///< when stopped, or neither: the reason
  std::string position;     ///< the source's, up to which the copy has everything
  std::optional<double> lag_seconds;
};

/// What a query may ask of a copy before it reads it.
struct FreshnessDemand {
  std::string position_min;                                ///< empty: any
  std::optional<std::chrono::milliseconds> staleness_max;  ///< nothing: any
};

/// Connectors are given by id. Thread-safe.
class SyncDesk {
 public:
  virtual ~SyncDesk() = default;
  /// Begins to keep, or goes on; a second call replaces the order. Answers warnings for the one who registered: tables
  /// that cannot be kept, with the reason. May wait for the source, up to its time limits.
  virtual std::vector<std::string> keep(SyncOrder order) = 0;
  virtual void pause(const std::string& id, bool paused) = 0;
  /// Stops. `forget`: what is on the source (slot, publication) and the copies are removed too.
  virtual Status stop(const std::string& id, bool forget) = 0;
  /// The table goes back through a snapshot. Errors: table_not_found, source_disabled.
  virtual Status resync(const std::string& id, const std::string& table) = 0;
  /// Compares the table's copy with its source, which may take long: {table, position, rounds, rows_source, rows_copy,
  /// equal, missing, extra, different, not_compared, examples: [{key, kind, source, copy}]}. Errors: table_not_found,
  /// table_not_synced, table_snapshotting, source_*, too_many_requests, timeout, cancelled (by `stop`).
  virtual Result<nlohmann::json> verify(const std::string& id, const std::string& table,
                                        const std::stop_token& stop) = 0;
  /// The `sync` part of the status document.
  virtual nlohmann::json status(const std::string& id) const = 0;
  virtual std::vector<TableHealth> health(const std::string& id) const = 0;
  /// The tables that the connector keeps.
  virtual std::vector<plan::TableName> tables(const std::string& id) const = 0;
  /// Nothing when the connector does not keep this table.
  virtual std::optional<CopyState> copy(const std::string& id, const plan::TableName& table) const = 0;
  /// Waits until the copy meets `demand`. Errors: table_not_synced (a copy that is stopped never will), timeout,
  /// cancelled (by `stop`).
  virtual Status wait(const std::string& id, const plan::TableName& table, const FreshnessDemand& demand,
                      std::chrono::milliseconds limit, const std::function<bool()>& stop) const = 0;
  /// Names of connectors whose stream stands still, for readiness.
  virtual std::vector<std::string> stalled() const = 0;
};

}  // namespace weir::connector
