/// How fresh a query wants the live copies that it reads: read-your-writes for somebody who has just written.
#pragma once

#include <chrono>
#include <optional>

#include <duckdb.hpp>

#include "connector/sync_desk.h"
#include "engine/query_context.h"

namespace weir::engine {

/// Settings of a session: `weir_min_freshness_ms` (the copy may be so old at most), `weir_min_lsn` (it has everything
/// up to this position of the source), `weir_freshness_wait_ms` (how long to wait for that, 10 seconds by default).
void register_freshness_settings(duckdb::DBConfig& config);

struct WantedFreshness {
  connector::FreshnessDemand demand;
  std::chrono::milliseconds wait_max{};
};
/// What the session has set; nothing: any copy will do.
std::optional<WantedFreshness> wanted_freshness(duckdb::ClientContext& client);

/// Waits for every copy among `copies`. Errors: timeout, cancelled, invalid_option.
Status wait_for_copies(duckdb::ClientContext& client, const std::vector<QueryContext::ReadCopy>& copies,
                       const WantedFreshness& wanted, const std::function<bool()>& stop);

}  // namespace weir::engine
