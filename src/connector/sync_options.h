/// The options of a live copy that do not depend on the kind of source: part of the group `sync` of every body.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "connector/changes.h"
#include "options/options.h"
#include "plan/scan.h"

namespace weir::connector {

struct SyncOptions {
  std::vector<std::string> table_names;
  int64_t rows_per_batch_max = 0;
  int64_t batch_mb_max = 0;
  std::chrono::milliseconds delay_max{};
  std::string landing;
  int64_t fold_rows = 0;
  std::chrono::milliseconds fold_after{};
  int64_t spill_memory_mb = 0;
  std::chrono::seconds silence_max{};
  int snapshot_tables_max = 0;
  std::chrono::seconds heartbeat{};
  std::chrono::seconds stall_after{};
  int64_t wal_warn_mb = 0;
  int64_t wal_drop_mb = 0;
  std::chrono::hours tombstones_kept{};
  std::chrono::hours snapshots_kept{};

  std::vector<plan::TableName> tables() const;
  GroupLimits limits() const;
};

/// The declaration, `tables` among it; a connector appends its own.
std::vector<options::Option> sync_options();
/// Reads them from a body that was validated.
Result<SyncOptions> read_sync_options(const nlohmann::json& body);

}  // namespace weir::connector
