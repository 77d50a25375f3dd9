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
    if (stop)
      warnings.push_back(tables[i].to_string() + ": " + stop->reason + (stop->hint.empty() ? "" : "; " + stop->hint));
  }
  return warnings;
}

Result<plan::TableName> table_named(const std::string& text) {
  const auto dot = text.find('.');
  if (dot != std::string::npos) return plan::TableName{text.substr(0, dot), text.substr(dot + 1)};
  return fail(ErrorCode::invalid_request, "not of the form schema.table: '" + text + "'",
              "Ask for ?table=public." + text);
}

}  // namespace

Copies::Copies(RunnerServices services) : services_(std::move(services)) {
  services_.metrics.add_collector(this, [this] {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, kept] : kept_) services_.metrics.sync_state(kept.name, kept.runner->gauges());
  });
}

Copies::~Copies() { services_.metrics.remove_collector(this); }

std::shared_ptr<Runner> Copies::find(const std::string& id) const {
  const std::lock_guard lock(mutex_);
  const auto found = kept_.find(id);
  return found == kept_.end() ? nullptr : found->second.runner;
}

std::vector<std::string> Copies::keep(SyncOrder order) {
  const auto id = order.spec.id;
  // Two that follow would fight for the position. The old one's copies can be read until the new one shows them.
  if (const auto before = find(id)) before->halt();
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
  if (!runner) return {};
  runner->halt();
  return forget ? runner->forget() : Status();
}

Result<std::shared_ptr<Runner>> Copies::runner_of(const std::string& id) const {
  if (auto runner = find(id)) return runner;
  return fail(ErrorCode::source_disabled, "the connector keeps no live copy", "Set its mode to 'both' or 'sync'.");
}

Status Copies::resync(const std::string& id, const std::string& table) {
  const auto runner = WEIR_TRY(runner_of(id));
  return runner->resync(WEIR_TRY(table_named(table)));
}

Result<nlohmann::json> Copies::verify(const std::string& id, const std::string& table, const std::stop_token& stop) {
  const auto runner = WEIR_TRY(runner_of(id));
  return runner->verify(WEIR_TRY(table_named(table)), stop);
}

nlohmann::json Copies::status(const std::string& id) const {
  const auto runner = find(id);
  return runner ? runner->document() : nlohmann::json{{"status", "disabled"}};
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
