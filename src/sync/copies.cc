#include "sync/copies.h"

#include <algorithm>

#include "base/nearest.h"

namespace weir::sync {
namespace {

using connector::SyncOrder;

/// What the one who registers should know at once; the runner finds the same again and again.
std::vector<std::string> warnings_of(const SyncOrder& order, const connector::SyncOptions& options) {
  if (order.paused || !order.somebody_waits) return {};
  const auto changes = order.source->changes();
  if (!changes) return {};
  const auto tables = options.tables();
  const auto candidates = changes->examine(tables);
  if (!candidates) return {"the tables could not be examined yet: " + candidates.error().to_string()};
  std::vector<std::string> warnings;
  for (size_t i = 0; i < tables.size(); ++i) {
    const auto& stop = (*candidates)[i].stop;
    if (stop) warnings.push_back(tables[i].to_string() + ": " + stop->reason + (stop->hint.empty() ? "" : "; " + stop->hint));
  }
  return warnings;
}

}  // namespace

std::shared_ptr<Runner> Copies::find(const std::string& id) const {
  const std::lock_guard lock(mutex_);
  const auto found = kept_.find(id);
  return found == kept_.end() ? nullptr : found->second.runner;
}

std::vector<std::string> Copies::keep(SyncOrder order) {
  std::shared_ptr<Runner> before;
  const auto id = order.spec.id;
  {
    const std::lock_guard lock(mutex_);
    if (auto found = kept_.extract(id)) before = std::move(found.mapped().runner);
  }
  before.reset();  // waits for its threads: two of them would fight for the position
  auto options = connector::read_sync_options(order.spec.body);
  if (!options) return {options.error().to_string()};
  auto warnings = warnings_of(order, *options);
  const auto name = order.spec.name;
  auto runner = std::make_shared<Runner>(services_, std::move(order), std::move(*options));
  runner->start();
  const std::lock_guard lock(mutex_);
  kept_[id] = {name, std::move(runner)};
  return warnings;
}

void Copies::pause(const std::string& id, bool paused) {
  if (auto runner = find(id)) runner->pause(paused);
}

Status Copies::stop(const std::string& id, bool forget) {
  std::shared_ptr<Runner> runner;
  {
    const std::lock_guard lock(mutex_);
    if (auto found = kept_.extract(id)) runner = std::move(found.mapped().runner);
  }
  return runner && forget ? runner->forget() : Status();
}

Status Copies::resync(const std::string& id, const std::string& table) {
  const auto runner = find(id);
  if (!runner) return fail(ErrorCode::source_disabled, "the connector keeps no live copy", "Set its mode to 'both' or 'sync'.");
  const auto dot = table.find('.');
  if (dot == std::string::npos) {
    return fail(ErrorCode::invalid_request, "not of the form schema.table: '" + table + "'", "Ask for ?table=public." + table);
  }
  return runner->resync({table.substr(0, dot), table.substr(dot + 1)});
}

nlohmann::json Copies::status(const std::string& id) const {
  const auto runner = find(id);
  return runner ? runner->board().document() : nlohmann::json{{"status", "disabled"}};
}

std::vector<connector::TableHealth> Copies::health(const std::string& id) const {
  const auto runner = find(id);
  return runner ? runner->board().health() : std::vector<connector::TableHealth>();
}

std::vector<plan::TableName> Copies::tables(const std::string& id) const {
  const auto runner = find(id);
  return runner ? runner->board().tables() : std::vector<plan::TableName>();
}

std::optional<connector::CopyState> Copies::copy(const std::string& id, const plan::TableName& table) const {
  const auto runner = find(id);
  return runner ? runner->copy(table) : std::nullopt;
}

Status Copies::wait(const std::string& id, const plan::TableName& table, const connector::FreshnessDemand& demand,
                    std::chrono::milliseconds limit, const std::function<bool()>& stop) const {
  const auto runner = find(id);
  if (!runner) return {};
  auto known = demand;
  if (!demand.position_min.empty()) known.position_min = WEIR_TRY(runner->position_of(demand.position_min));
  return runner->board().wait(table, known, limit, stop);
}

std::vector<std::string> Copies::stalled() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> names;
  for (const auto& [id, kept] : kept_) {
    if (kept.runner->board().stalled()) names.push_back(kept.name);
  }
  return names;
}

}  // namespace weir::sync
