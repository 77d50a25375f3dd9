#include "connector/member.h"

#include <cmath>

#include "base/nearest.h"
#include "base/time.h"
#include "connector/connector_body.h"

namespace weir::connector {
namespace {

using nlohmann::json;

json text_or_null(const std::string& text) { return text.empty() ? json(nullptr) : json(text); }

json milliseconds_or_null(const std::optional<double>& duration) {
  return duration ? json(std::round(*duration * 100) / 100) : json(nullptr);
}

json error_document(const Error& error) {
  const ErrorInfo& info = describe(error.code);
  return {{"code", info.name},
          {"message", options::mask_urls(error.message)},
          {"hint", error.hint.empty() ? std::string(info.action) : error.hint}};
}

json source_document(const Member::State& state) {
  json source{{"reachable", nullptr}, {"version", nullptr}, {"last_health_check", nullptr}, {"error", nullptr}};
  if (state.check) {
    source["reachable"] = state.check->report.has_value();
    source["last_health_check"] = iso8601_utc(state.check->at);
  }
  if (state.check && state.check->report) {
    source["version"] = state.check->report->version;
    source["tls"] = state.check->report->tls;
    source["round_trip_ms"] = milliseconds_or_null(state.check->report->round_trip_ms);
  }
  const auto& error = state.open_error ? state.open_error : state.check ? state.check->error : state.open_error;
  if (error) source["error"] = error_document(*error);
  return source;
}

json federation_document(const Member::State& state, const PoolStats& pool, std::chrono::steady_clock::time_point now) {
  if (state.spec.mode == Mode::sync) return {{"status", "disabled"}};
  const ScanFigures figures = state.health.figures(now);
  return {{"status", state.health.status(now)},
          {"pool_in_use", pool.in_use},
          {"pool_max", pool.max},
          {"p50_query_ms", milliseconds_or_null(figures.p50_ms)},
          {"p99_query_ms", milliseconds_or_null(figures.p99_ms)},
          {"queries_total_5m", figures.scans},
          {"errors_5m", figures.failures},
          {"rows_5m", figures.rows},
          {"last_error", text_or_null(state.health.last_error())}};
}

json paused_document(const Member::State& state) {
  return {{"federation", state.health.paused()}, {"sync", state.sync_paused}};
}

json warnings_document(const Member::State& state) {
  json warnings = state.warnings;
  if (state.check && state.check->report) {
    for (const std::string& warning : state.check->report->warnings) warnings.push_back(warning);
  }
  return warnings;
}

}  // namespace

state::ConnectorRow row_of(const Member& member) {
  const Member::State& state = member.state;
  return {.id = member.id,
          .name = member.name,
          .type = state.spec.type,
          .mode = std::string(to_string(state.spec.mode)),
          .body_json = state.spec.body.dump(-1, ' ', false, json::error_handler_t::replace),
          .sync_paused = state.sync_paused,
          .federation_paused = state.health.paused(),
          .created_at = member.created_at};
}

nlohmann::json description_of(const Member& member) {
  const std::lock_guard lock(member.mutex);
  const Member::State& state = member.state;
  // Without a declaration nobody knows which options are secret, so none is shown.
  json document = state.type == nullptr ? json::object() : options::masked(state.type->declared(), state.spec.body);
  document["id"] = member.id;
  document["name"] = member.name;
  document["type"] = state.spec.type;
  document["mode"] = to_string(state.spec.mode);
  document["created_at"] = member.created_at;
  document["paused"] = paused_document(state);
  document["warnings"] = state.warnings;
  return document;
}

nlohmann::json status_of(const Member& member, std::chrono::steady_clock::time_point now) {
  const PoolStats pool = member.source->pool();
  const std::lock_guard lock(member.mutex);
  const Member::State& state = member.state;
  return {{"id", member.id},
          {"name", member.name},
          {"type", state.spec.type},
          {"mode", to_string(state.spec.mode)},
          {"paused", paused_document(state)},
          {"warnings", warnings_document(state)},
          {"source", source_document(state)},
          {"federation", federation_document(state, pool, now)},
          {"sync", {{"status", state.spec.mode != Mode::federation && state.sync_paused ? "paused" : "disabled"}}}};
}

Result<MemberPtr> Roster::find(const std::string& id_or_name) const {
  const std::shared_lock lock(mutex_);
  if (const auto found = by_name_.find(folded_name(id_or_name)); found != by_name_.end()) return found->second;
  std::vector<std::string> known;
  for (const auto& [folded, member] : by_name_) {
    if (member->id == id_or_name) return member;
    known.push_back(member->name);
  }
  return fail(ErrorCode::connector_not_found, "no connector has the id or name '" + id_or_name + "'",
              did_you_mean(id_or_name, known));
}

bool Roster::add(MemberPtr member) {
  const std::unique_lock lock(mutex_);
  return by_name_.try_emplace(folded_name(member->name), member).second;
}

void Roster::remove(const std::string& name) {
  const std::unique_lock lock(mutex_);
  by_name_.erase(folded_name(name));
}

std::vector<MemberPtr> Roster::all() const {
  const std::shared_lock lock(mutex_);
  std::vector<MemberPtr> members;
  members.reserve(by_name_.size());
  for (const auto& [folded, member] : by_name_) members.push_back(member);
  return members;
}

}  // namespace weir::connector
