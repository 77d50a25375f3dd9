#include "engine/freshness.h"

#include <algorithm>

#include <duckdb/main/config.hpp>

#include "engine/remote_connector.h"

namespace weir::engine {
namespace {

using duckdb::LogicalType;
using duckdb::Value;

constexpr const char* kAge = "weir_min_freshness_ms";
constexpr const char* kPosition = "weir_min_lsn";
constexpr const char* kWait = "weir_freshness_wait_ms";
constexpr int64_t kWaitDefaultMs = 10'000;
constexpr int64_t kWaitMaxMs = 24 * 3600 * int64_t{1000};

Value setting(duckdb::ClientContext& client, const char* name) {
  Value value;
  client.TryGetCurrentSetting(name, value);
  return value;
}

}  // namespace

void register_freshness_settings(duckdb::DBConfig& config) {
  config.AddExtensionOption(kAge, "wait until a live copy is no older than this", LogicalType::BIGINT,
                            Value(LogicalType::BIGINT));
  config.AddExtensionOption(kPosition, "wait until a live copy has everything up to this position of its source",
                            LogicalType::VARCHAR, Value(LogicalType::VARCHAR));
  config.AddExtensionOption(kWait, "how long to wait for a live copy", LogicalType::BIGINT,
                            Value::BIGINT(kWaitDefaultMs));
}

std::optional<WantedFreshness> wanted_freshness(duckdb::ClientContext& client) {
  const auto age = setting(client, kAge), position = setting(client, kPosition), wait = setting(client, kWait);
  if (age.IsNull() && (position.IsNull() || position.ToString().empty())) return {};
  WantedFreshness wanted;
  if (!age.IsNull()) wanted.demand.staleness_max = std::chrono::milliseconds(age.GetValue<int64_t>());
  if (!position.IsNull()) wanted.demand.position_min = position.ToString();
  const auto wait_ms = wait.IsNull() ? kWaitDefaultMs : wait.GetValue<int64_t>();
  wanted.wait_max = std::chrono::milliseconds(std::clamp(wait_ms, int64_t{0}, kWaitMaxMs));
  return wanted;
}

Status wait_for_copies(duckdb::ClientContext& client, const std::vector<QueryContext::ReadCopy>& copies,
                       const WantedFreshness& wanted, const std::function<bool()>& stop) {
  const auto& desk = Federation::of(client).desk();
  if (!desk.wait) return {};
  const auto deadline = std::chrono::steady_clock::now() + wanted.wait_max;
  for (const auto& copy : copies) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    WEIR_TRY(desk.wait(copy.connector, copy.table, wanted.demand, std::max(left, std::chrono::milliseconds(0)), stop));
  }
  return {};
}

}  // namespace weir::engine
