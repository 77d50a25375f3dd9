/// What the fleet tells: descriptions, status, health, events, and what scans report back.
#include <algorithm>
#include <utility>

#include "base/ids.h"
#include "connector/fleet_impl.h"
#include "telemetry/log.h"

namespace weir::connector {
namespace {

using nlohmann::json;

constexpr std::chrono::seconds kCheckInterval{10};

Error masked(Error error) {
  error.message = options::mask_urls(error.message);
  return error;
}

json report_document(const ConnectionReport& report, std::vector<std::string> warnings) {
  warnings.insert(warnings.end(), report.warnings.begin(), report.warnings.end());
  return {{"reachable", true},
          {"version", report.version},
          {"tls", report.tls},
          {"round_trip_ms", report.round_trip_ms},
          {"warnings", std::move(warnings)}};
}

json failure_document(const Error& error, std::vector<std::string> warnings) {
  const ErrorInfo& info = describe(error.code);
  return {{"reachable", false},
          {"error",
           {{"code", info.name},
            {"message", error.message},
            {"hint", error.hint.empty() ? std::string(info.action) : error.hint}}},
          {"warnings", std::move(warnings)}};
}

json catalog_item(const Type& type) {
  json modes = json::array();
  for (const Mode mode : type.modes) modes.push_back(to_string(mode));
  return {{"type", type.name},
          {"description", type.description},
          {"modes", std::move(modes)},
          {"schema", options::json_schema(type.declared())}};
}

Health health_of(const Member& member) {
  const PoolStats pool = member.source->pool();
  const std::lock_guard lock(member.mutex);
  const Member::State& state = member.state;
  Health health;
  health.connector_id = member.id;
  health.connector_name = member.name;
  health.type = state.spec.type;
  health.mode = to_string(state.spec.mode);
  health.phase = to_string(state.health.phase());
  health.pool_in_use = pool.in_use;
  health.pool_max = pool.max;
  health.last_error = state.health.last_error();
  return health;
}

}  // namespace

Result<json> Fleet::get(const std::string& id_or_name) const {
  return description_of(*WEIR_TRY(impl_->roster.find(id_or_name)));
}

json Fleet::list() const {
  json items = json::array();
  for (const MemberPtr& member : impl_->roster.all()) items.push_back(description_of(*member));
  return {{"items", std::move(items)}};
}

json Fleet::catalog() const {
  json items = json::array();
  for (const Type& type : impl_->registry.types()) items.push_back(catalog_item(type));
  return {{"items", std::move(items)}};
}

Result<json> Fleet::test(const json& body) const {
  json named = body;
  if (named.is_object() && (!named.contains("name") || named["name"].is_null())) named["name"] = "test_connection";
  CheckedBody checked = WEIR_TRY(check_body(impl_->registry, impl_->secrets, named));
  checked.spec.id = new_uuid();
  const auto source = WEIR_TRY(impl_->open(*checked.type, checked.spec));
  const auto report = source->test();
  return report ? report_document(*report, checked.warnings)
                : failure_document(masked(report.error()), checked.warnings);
}

Result<json> Fleet::status(const std::string& id_or_name) {
  const MemberPtr member = WEIR_TRY(impl_->roster.find(id_or_name));
  impl_->check_source(*member);
  json document = status_of(*member, impl_->clock.monotonic());
  const bool copies = document["mode"] != to_string(Mode::federation);
  if (auto* desk = impl_->desk.load(); desk != nullptr && copies) document["sync"] = desk->status(member->id);
  return document;
}

Result<std::vector<Event>> Fleet::events(const std::string& id_or_name) const {
  const MemberPtr member = WEIR_TRY(impl_->roster.find(id_or_name));
  std::vector<Event> events;
  for (state::EventRow& row : WEIR_TRY(impl_->journal.events(member->id))) {
    const std::chrono::system_clock::time_point at{std::chrono::microseconds(row.at_us)};
    events.push_back({at, std::move(row.table), std::move(row.from), std::move(row.to), std::move(row.reason)});
  }
  return events;
}

std::vector<Health> Fleet::health() const {
  std::vector<Health> rows;
  auto* desk = impl_->desk.load();
  for (const MemberPtr& member : impl_->roster.all()) {
    const Health whole = health_of(*member);
    const auto tables = desk == nullptr ? std::vector<TableHealth>() : desk->health(member->id);
    // One row for each synced table; a connector without any has one of its own.
    if (tables.empty()) rows.push_back(whole);
    for (const auto& table : tables) {
      Health row = whole;
      row.source_table = table.table;
      row.phase = table.phase;
      row.lag_seconds = table.lag_seconds;
      row.events_per_sec = table.events_per_sec;
      row.last_error = table.last_error;
      row.last_event_at = table.last_event_at;
      rows.push_back(std::move(row));
    }
  }
  return rows;
}

Status Fleet::resync(const std::string& id_or_name, const std::string& table) {
  const MemberPtr member = WEIR_TRY(impl_->roster.find(id_or_name));
  auto* desk = impl_->desk.load();
  if (desk == nullptr) return fail(ErrorCode::source_disabled, "no live copies are kept by this process");
  return desk->resync(member->id, table);
}

Result<nlohmann::json> Fleet::verify(const std::string& id_or_name, const std::string& table,
                                     const std::stop_token& stop) {
  const MemberPtr member = WEIR_TRY(impl_->roster.find(id_or_name));
  auto* desk = impl_->desk.load();
  if (desk == nullptr) return fail(ErrorCode::source_disabled, "no live copies are kept by this process");
  auto result = desk->verify(member->id, table, stop);
  if (result) (*result)["connector"] = member->name;
  return result;
}

Served Fleet::served(const std::string& name, const plan::TableName& table) const {
  const auto found = impl_->roster.find(name);
  Served served;
  if (!found) return served;
  const Member& member = **found;
  Mode mode;
  {
    const std::lock_guard lock(member.mutex);
    mode = member.state.spec.mode;
  }
  if (mode == Mode::federation) return served;
  auto* desk = impl_->desk.load();
  const auto state = desk == nullptr ? std::nullopt : desk->copy(member.id, table);
  if (state) served.state = *state;
  served.copy = state && state->complete;
  if (served.copy || mode == Mode::both) return served;
  const std::string whole = member.name + "." + table.to_string();
  if (state && state->loading) {
    served.refused =
        Error{ErrorCode::table_snapshotting, "the first copy of " + whole + " is being read", {}, member.name};
  } else if (state) {
    served.refused = Error{
        ErrorCode::table_not_synced, "there is no live copy of " + whole + ": " + state->why_not,
        "POST /v1/connectors/" + member.name + "/resync?table=" + table.to_string() + " tries again.", member.name};
  } else {
    served.refused = Error{ErrorCode::table_not_synced, whole + " is not among sync.tables", {}, member.name};
  }
  return served;
}

std::vector<plan::TableName> Fleet::copies(const std::string& name) const {
  const auto found = impl_->roster.find(name);
  auto* desk = impl_->desk.load();
  return found && desk != nullptr ? desk->tables((*found)->id) : std::vector<plan::TableName>();
}

Status Fleet::wait_for_copy(const std::string& name, const plan::TableName& table, const FreshnessDemand& demand,
                            std::chrono::milliseconds limit, const std::function<bool()>& stop) const {
  const auto found = impl_->roster.find(name);
  auto* desk = impl_->desk.load();
  return found && desk != nullptr ? desk->wait((*found)->id, table, demand, limit, stop) : Status();
}

std::vector<std::string> Fleet::stalled() const {
  auto* desk = impl_->desk.load();
  return desk == nullptr ? std::vector<std::string>() : desk->stalled();
}

Status Fleet::may_read_live(const std::string& name) const {
  const MemberPtr member = WEIR_TRY(impl_->roster.find(name));
  const std::lock_guard lock(member->mutex);
  const Member::State& state = member->state;
  if (state.spec.mode == Mode::sync) {
    return fail(Error{ErrorCode::source_disabled, "connector has mode 'sync' and is not read live",
                      "Read its synced tables, or change its mode to 'both'.", member->name});
  }
  if (state.health.paused()) {
    return fail(Error{ErrorCode::source_disabled, "federation of the connector is paused",
                      "POST /v1/connectors/" + member->name + "/resume?scope=federation resumes it.", member->name});
  }
  if (state.open_error) return fail(*state.open_error);
  return {};
}

void Fleet::record_scan(const std::string& name, const ReadStats& stats, const Error* error) {
  const auto found = impl_->roster.find(name);
  if (!found) return;  // removed while the scan ran
  Member& member = **found;
  const std::optional<Error> shown = error == nullptr ? std::nullopt : std::optional(masked(*error));
  {
    const std::lock_guard lock(member.mutex);
    if (member.state.removed) return;
    const std::string outcome(error == nullptr ? "ok" : describe(error->code).name);
    impl_->metrics.scan_finished(member.name, outcome, stats.duration_ms / 1000, stats.rows, stats.bytes);
    if (error != nullptr && error->kind() == ErrorKind::cancelled) return;
    const auto change = member.state.health.scan_ended(impl_->clock.monotonic(), stats.duration_ms, stats.rows,
                                                       shown ? &*shown : nullptr);
    if (!change && error != nullptr) return;
    impl_->note_contact(member, change, error == nullptr);
  }
  impl_->journal.flush();
}

bool Fleet::Impl::has_check(const Member& member) const {
  const std::lock_guard lock(member.mutex);
  return member.state.check.has_value();
}

bool Fleet::Impl::check_is_due(const Member& member) const {
  const std::lock_guard lock(member.mutex);
  const Member::State& state = member.state;
  if (state.health.paused() || state.spec.mode == Mode::sync) return false;
  return !state.check || clock.monotonic() - state.check->at_monotonic >= kCheckInterval;
}

void Fleet::Impl::check_source(Member& member) {
  if (!check_is_due(member)) return;
  std::unique_lock checking(member.check_mutex, std::try_to_lock);
  if (!checking && has_check(member)) return;  // another thread asks, perhaps for long: the last answer serves
  if (!checking) checking.lock();
  if (!check_is_due(member)) return;
  const std::shared_ptr<Source> source = member.source->current();
  const auto report = source->test();
  SourceCheck check{clock.now(), clock.monotonic(), std::nullopt, std::nullopt};
  if (report) {
    check.report = *report;
  } else {
    check.error = masked(report.error());
  }
  {
    const std::lock_guard lock(member.mutex);
    if (member.state.removed || member.source->current() != source) return;
    member.state.check = std::move(check);
    const auto& error = member.state.check->error;
    note_contact(member, member.state.health.contacted(error ? &*error : nullptr), !error);
  }
  journal.flush();
}

void Fleet::Impl::note(const Member& member, std::string_view from, Phase to, std::string reason) {
  const auto at = std::chrono::duration_cast<std::chrono::microseconds>(clock.now().time_since_epoch());
  journal.add(member.id, {at.count(), "", std::string(from), std::string(to_string(to)), std::move(reason)});
}

void Fleet::Impl::note_contact(const Member& member, const std::optional<PhaseChange>& change, bool up) {
  metrics.connector_up(member.name, up);
  if (!change) return;
  note(member, to_string(change->from), change->to, change->reason);
  telemetry::log(up ? telemetry::Level::info : telemetry::Level::warning, "connector_phase_changed",
                 {{"name", member.name},
                  {"from", std::string(to_string(change->from))},
                  {"to", std::string(to_string(change->to))},
                  {"reason", change->reason}});
}

void Fleet::Impl::publish_pools() {
  for (const MemberPtr& member : roster.all()) {
    const PoolStats pool = member->source->pool();
    const std::lock_guard lock(member->mutex);
    if (!member->state.removed) metrics.pool(member->name, pool.in_use, pool.idle, pool.max);
  }
}

}  // namespace weir::connector
