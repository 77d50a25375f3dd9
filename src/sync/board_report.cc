/// Board: what people and dashboards see of it.
#include <algorithm>
#include <cmath>

#include "base/time.h"
#include "sync/board.h"

namespace weir::sync {
namespace {

using nlohmann::json;
using std::chrono::steady_clock;
using std::chrono::system_clock;

json rounded(const std::optional<double>& value) {
  return value ? json(std::round(*value * 1000) / 1000) : json(nullptr);
}

json time_or_null(const std::optional<system_clock::time_point>& at) {
  return at ? json(iso8601_utc(*at)) : json(nullptr);
}

json text_or_null(const std::string& text) { return text.empty() ? json(nullptr) : json(text); }

}  // namespace

std::string Board::status() const {
  if (paused_) return "paused";
  if (tables_.empty()) return "disabled";
  const auto any = [&](TablePhase phase) {
    return std::ranges::any_of(tables_, [&](const auto& entry) { return entry.second.phase == phase; });
  };
  const bool all_disabled =
      std::ranges::all_of(tables_, [](const auto& entry) { return entry.second.phase == TablePhase::disabled; });
  if (all_disabled) return "disabled";
  if (is_stalled()) return "stalled";
  if (!connected_ || any(TablePhase::errored))
    return last_error_.empty() && !any(TablePhase::errored) ? "pending" : "errored";
  if (any(TablePhase::snapshotting) || any(TablePhase::pending)) return "snapshotting";
  return "streaming";
}

json Board::table_document(const plan::TableName& name, const Table& table) const {
  return {{"table", name.to_string()},
          {"phase", to_string(table.phase)},
          {"reason", text_or_null(table.reason)},
          {"readable", table.complete},
          {"lag_seconds", rounded(table.complete ? lag_seconds(table) : std::nullopt)},
          {"rows_snapshot", table.rows},
          {"rows_read", nullptr},
          {"rows_estimate", table.complete ? json(nullptr) : json(table.estimate)},
          {"events", table.events},
          {"events_per_sec", rounded(table.rate.per_second(steady_clock::now()))},
          {"last_event_at", time_or_null(table.last_event_at)},
          {"last_error", text_or_null(table.last_error)}};
}

json Board::document() const {
  const std::lock_guard lock(mutex_);
  json tables = json::array(), drift = json::array();
  uint64_t rows = 0;
  for (const auto& [name, table] : tables_) {
    tables.push_back(table_document(name, table));
    rows += table.rows + table.events;
  }
  for (const auto& entry : drift_) {
    drift.push_back({{"table", entry.table},
                     {"field", entry.field},
                     {"status", entry.status},
                     {"since", iso8601_utc(entry.since)}});
  }
  const auto now = status();
  return {{"status", now},
          {"phase", now},
          {"lag_seconds", rounded(lag_seconds())},
          {"lag_bytes", source_ ? json(source_->behind_bytes) : json(nullptr)},
          {"retained_bytes", source_ ? json(source_->retained_bytes) : json(nullptr)},
          {"position", text_or_null(position_)},
          {"source_position",
           text_or_null(std::max(last_asked_ ? last_asked_->moment.end : "", source_ ? source_->end : ""))},
          {"last_event_at", time_or_null(last_event_at_)},
          {"events_per_sec", rounded(rate_.per_second(steady_clock::now()))},
          {"rows_synced", rows},
          {"spilled_bytes", stream_.spilled_bytes},
          {"schema_drift", std::move(drift)},
          {"last_error", text_or_null(last_error_)},
          {"tables", std::move(tables)}};
}

std::vector<connector::TableHealth> Board::health() const {
  const std::lock_guard lock(mutex_);
  std::vector<connector::TableHealth> rows;
  for (const auto& [name, table] : tables_) {
    rows.push_back({name.to_string(), std::string(paused_ ? "paused" : to_string(table.phase)), table.last_error,
                    table.complete ? lag_seconds(table) : std::nullopt, table.rate.per_second(steady_clock::now()),
                    table.last_event_at});
  }
  return rows;
}

telemetry::SyncGauges Board::gauges() const {
  const std::lock_guard lock(mutex_);
  telemetry::SyncGauges gauges;
  gauges.lag_seconds = lag_seconds();
  gauges.spilled_bytes = stream_.spilled_bytes;
  if (source_) {
    gauges.behind_bytes = source_->behind_bytes;
    gauges.retained_bytes = source_->retained_bytes;
  }
  for (const auto& [name, table] : tables_) ++gauges.tables[std::string(to_string(table.phase))];
  return gauges;
}

}  // namespace weir::sync
