/// Control state that needs no transaction with data: connectors, events. One SQLite file, `state.db`, in WAL mode.
/// Only its owner may read it (mode 0600, as the files that SQLite makes beside it): it holds what people registered,
/// and a secret that somebody typed in plain text among it.
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"

namespace weir::state {

struct ConnectorRow {
  std::string id, name, type, mode;
  std::string body_json;  ///< as validated: references as typed, and plain secrets in plain text
  bool sync_paused = false, federation_paused = false;
  std::string created_at;  ///< ISO 8601, UTC
};

struct EventRow {
  int64_t at_us;  ///< microseconds since 1970, UTC
  std::string table, from, to, reason;
};

/// A table of a live copy that is kept no more until somebody asks for a resync.
struct SyncStopRow {
  std::string table;  ///< "public.users"
  std::string reason, hint;
  std::string position;  ///< the source's, up to which the copy has everything
  int64_t as_of_us = 0;  ///< what that is as a time: microseconds since 1970, UTC
};

/// Thread-safe. Every call is one durable transaction. Errors of all calls: io_error, disk_full, data_dir_damaged.
class Store {
 public:
  /// Opens or creates the file and brings its schema up to date. Errors: data_dir_version when it is newer than us.
  static Result<std::unique_ptr<Store>> open(const std::filesystem::path& file);
  virtual ~Store() = default;

  virtual Result<std::vector<ConnectorRow>> connectors() = 0;
  virtual Status put_connector(const ConnectorRow& row) = 0;
  /// Deletes its events too; one that does not exist is left alone.
  virtual Status delete_connector(const std::string& id) = 0;

  /// Appends and trims to the newest `keep` of the last 30 days. An event of a connector that is gone is dropped.
  virtual Status append_event(const std::string& connector_id, const EventRow& event, int keep) = 0;
  /// Newest first.
  virtual Result<std::vector<EventRow>> events(const std::string& connector_id, int limit) = 0;

  virtual Result<std::vector<SyncStopRow>> sync_stops(const std::string& connector_id) = 0;
  /// A stop of a connector that is gone is dropped.
  virtual Status put_sync_stop(const std::string& connector_id, const SyncStopRow& row) = 0;
  virtual Status delete_sync_stop(const std::string& connector_id, const std::string& table) = 0;
};

}  // namespace weir::state
