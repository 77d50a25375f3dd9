/// The life cycle of connectors: registration, change, removal, pauses.
#include "connector/fleet.h"

#include <utility>

#include "base/ids.h"
#include "base/time.h"
#include "connector/fleet_impl.h"
#include "connector/limited_source.h"
#include "telemetry/log.h"

namespace weir::connector {
namespace {

using nlohmann::json;
using telemetry::Level;

std::string_view to_string(Scope scope) {
  switch (scope) {
    case Scope::all:
      return "all";
    case Scope::sync:
      return "sync";
    case Scope::federation:
      return "federation";
  }
  std::unreachable();
}

Status check_unchanged(const Member& member, const json& changed, const char* option, const std::string& current) {
  const auto value = changed.find(option);
  if (value != changed.end() && *value == current) return {};
  return fail(ErrorCode::invalid_option,
              std::string("option ") + option + " of connector " + member.name + " cannot be changed",
              "Remove the connector and register it anew.");
}

void log_warning(const Member& member, const std::string& warning) {
  telemetry::log(Level::warning, "copy_warning", {{"name", member.name}, {"warning", warning}});
}

// The paths that differ, never their values: "connection.pool_size, scope.exclude_tables".
std::string changed_paths(const json& before, const json& after, const std::string& prefix = "") {
  std::string paths;
  const auto add = [&](const std::string& path) { paths += (paths.empty() ? "" : ", ") + path; };
  json keys = before;
  keys.update(after);
  for (const auto& [key, ignored] : keys.items()) {
    const json old_value = before.value(key, json()), new_value = after.value(key, json());
    if (old_value == new_value) continue;
    if (old_value.is_object() && new_value.is_object()) {
      add(changed_paths(old_value, new_value, prefix + key + "."));
    } else {
      add(prefix + key);
    }
  }
  return paths;
}

}  // namespace

Fleet::Fleet(const Registry& registry, const options::SecretResolver& secrets, state::Store& store,
             telemetry::Metrics& metrics, Clock clock)
    : impl_(std::make_unique<Impl>(registry, secrets, store, metrics, std::move(clock))) {
  metrics.add_collector(this, [impl = impl_.get()] { impl->publish_pools(); });
}

Fleet::~Fleet() { impl_->metrics.remove_collector(this); }

Status Fleet::start(FleetObserver& observer) {
  const std::lock_guard lock(impl_->lifecycle);
  impl_->observer = &observer;
  for (const state::ConnectorRow& row : WEIR_TRY(impl_->store.connectors())) {
    const MemberPtr member = impl_->restore(row);
    if (!impl_->roster.add(member)) {
      telemetry::log(Level::error, "connector_name_taken", {{"name", row.name}, {"id", row.id}});
      continue;
    }
    const Status attached = impl_->attach(*member);
    const std::lock_guard state_lock(member->mutex);
    Member::State& state = member->state;
    if (!attached && !state.open_error) state.open_error = attached.error();
    if (!state.open_error) continue;
    telemetry::log(Level::error, "connector_not_opened",
                   {{"name", row.name}, {"error", state.open_error->to_string()}});
    impl_->note_contact(*member, state.health.contacted(&*state.open_error), false);
  }
  impl_->journal.flush();
  return {};
}

Result<Saved> Fleet::create(const json& body) {
  CheckedBody checked = WEIR_TRY(check_body(impl_->registry, impl_->secrets, body));
  checked.spec.id = new_uuid();
  const std::lock_guard lock(impl_->lifecycle);
  if (impl_->roster.find(checked.spec.name)) {
    return fail(ErrorCode::already_exists, "connector exists already: " + checked.spec.name,
                "Choose another name, or change it with PATCH /v1/connectors/" + checked.spec.name + ".");
  }
  auto source = WEIR_TRY(impl_->open(*checked.type, checked.spec));
  const MemberPtr member =
      std::make_shared<Member>(checked.spec.id, checked.spec.name, iso8601_utc(impl_->clock.now()), std::move(source));
  Saved saved{checked.spec.id, checked.warnings};
  member->state.spec = std::move(checked.spec);
  member->state.type = checked.type;
  member->state.warnings = std::move(checked.warnings);
  WEIR_TRY(impl_->admit(member));
  for (auto& warning : impl_->keep_copy(member, /*somebody_waits=*/true)) saved.warnings.push_back(std::move(warning));
  telemetry::log(Level::info, "connector_created", {{"name", member->name}, {"id", member->id}});
  return saved;
}

Result<Saved> Fleet::update(const std::string& id_or_name, const json& change) {
  if (!change.is_object()) {
    return fail(ErrorCode::invalid_option, std::string("change must be a JSON object, got ") + change.type_name());
  }
  const std::lock_guard lock(impl_->lifecycle);
  const MemberPtr member = WEIR_TRY(impl_->roster.find(id_or_name));
  // Only holders of the life cycle's lock write the spec, so it may be read here without the member's own.
  const json& before = member->state.spec.body;
  json after = before;
  after.merge_patch(change);
  WEIR_TRY(check_unchanged(*member, after, "name", member->name));
  WEIR_TRY(check_unchanged(*member, after, "type", member->state.spec.type));
  CheckedBody checked = WEIR_TRY(check_body(impl_->registry, impl_->secrets, after));
  Saved saved{member->id, checked.warnings};
  const std::string paths = changed_paths(before, checked.spec.body);
  if (paths.empty() && !member->state.open_error) return saved;
  WEIR_TRY(impl_->reopen(*member, std::move(checked), paths.empty() ? "opened again" : "updated: " + paths));
  for (auto& warning : impl_->keep_copy(member, /*somebody_waits=*/true)) saved.warnings.push_back(std::move(warning));
  telemetry::log(Level::info, "connector_updated", {{"name", member->name}, {"changed", paths}});
  return saved;
}

Status Fleet::remove(const std::string& id_or_name) {
  const std::lock_guard lock(impl_->lifecycle);
  const MemberPtr member = WEIR_TRY(impl_->roster.find(id_or_name));
  const auto set_removed = [&](bool removed) {
    const std::lock_guard state_lock(member->mutex);
    member->state.removed = removed;
  };
  set_removed(true);
  impl_->journal.flush();  // nothing may be appended for a connector that is gone
  if (const Status deleted = impl_->store.delete_connector(member->id); !deleted) {
    set_removed(false);
    return deleted;
  }
  impl_->roster.remove(member->name);
  if (auto* desk = impl_->desk.load()) {
    const Status forgotten = desk->stop(member->id, /*forget=*/true);
    if (!forgotten) {
      telemetry::log(Level::warning, "copy_not_forgotten",
                     {{"name", member->name}, {"error", forgotten.error().to_string()}});
    }
  }
  if (member->attached) impl_->observer->detached(member->name);
  impl_->metrics.forget_connector(member->name);
  telemetry::log(Level::info, "connector_removed", {{"name", member->name}, {"id", member->id}});
  return {};
}

void Fleet::keep_copies(SyncDesk& desk) {
  const std::lock_guard lock(impl_->lifecycle);
  impl_->desk = &desk;
  for (const MemberPtr& member : impl_->roster.all()) {
    for (const auto& warning : impl_->keep_copy(member, /*somebody_waits=*/false)) log_warning(*member, warning);
  }
}

void Fleet::stop_copies() {
  const std::lock_guard lock(impl_->lifecycle);
  auto* desk = impl_->desk.exchange(nullptr);
  if (desk == nullptr) return;
  for (const MemberPtr& member : impl_->roster.all()) static_cast<void>(desk->stop(member->id, /*forget=*/false));
}

std::vector<std::string> Fleet::Impl::keep_copy(const MemberPtr& member, bool somebody_waits) {
  auto* current = desk.load();
  if (current == nullptr) return {};
  SyncOrder order;
  {
    const std::lock_guard lock(member->mutex);
    if (member->state.open_error) return {};
    order.spec = member->state.spec;
    order.paused = member->state.sync_paused;
  }
  if (order.spec.mode == Mode::federation) {
    const Status stopped = current->stop(member->id, /*forget=*/true);
    return stopped ? std::vector<std::string>() : std::vector{stopped.error().to_string()};
  }
  order.source = member->source;
  order.somebody_waits = somebody_waits;
  order.note = [this, id = member->id](const std::string& table, const std::string& from, const std::string& to,
                                       const std::string& reason) {
    const auto at = std::chrono::duration_cast<std::chrono::microseconds>(clock.now().time_since_epoch());
    journal.add(id, {at.count(), table, from, to, options::mask_urls(reason)});
    journal.flush();
  };
  return current->keep(std::move(order));
}

Status Fleet::pause(const std::string& id_or_name, Scope scope) { return impl_->set_paused(id_or_name, scope, true); }

Status Fleet::resume(const std::string& id_or_name, Scope scope) { return impl_->set_paused(id_or_name, scope, false); }

MemberPtr Fleet::Impl::restore(const state::ConnectorRow& row) const {
  json body = json::parse(row.body_json, nullptr, false);
  const bool readable = body.is_object();
  if (!readable) body = json::object();
  auto checked = readable ? check_body(registry, secrets, body)
                          : fail(ErrorCode::data_dir_damaged, "the stored body of the connector is not a JSON object",
                                 "Remove the connector and register it anew.");
  Spec spec{row.id, row.name, row.type, mode_of(row.mode).value_or(Mode::federation),
            checked ? std::move(checked->spec.body) : std::move(body)};
  Result<std::shared_ptr<Source>> opened = checked ? open(*checked->type, spec) : fail(checked.error());
  std::optional<Error> open_error;
  if (!opened) {
    open_error = opened.error();
    open_error->source = row.name;
    opened = std::make_shared<FailedSource>(*open_error);
  }
  auto member = std::make_shared<Member>(row.id, row.name, row.created_at, *std::move(opened));
  member->state.type = registry.find(row.type).value_or(nullptr);
  member->state.warnings = checked ? std::move(checked->warnings) : std::vector<std::string>();
  member->state.spec = std::move(spec);
  member->state.open_error = std::move(open_error);
  member->state.sync_paused = row.sync_paused;
  member->state.health.set_paused(row.federation_paused, "");
  return member;
}

Result<std::shared_ptr<Source>> Fleet::Impl::open(const Type& type, const Spec& spec) const {
  const auto limits = WEIR_TRY(read_limits(spec.body));
  auto opened = type.open(spec, secrets);
  if (opened) return with_limits(std::move(*opened), limits);
  Error error = std::move(opened.error());
  error.message = options::mask_urls(error.message);
  error.source = spec.name;
  return fail(std::move(error));
}

Status Fleet::Impl::attach(Member& member) const {
  if (observer == nullptr || member.attached) return {};
  WEIR_TRY(observer->attached(member.state.spec, member.source));
  member.attached = true;
  return {};
}

Status Fleet::Impl::admit(const MemberPtr& member) {
  WEIR_TRY(store.put_connector(row_of(*member)));
  roster.add(member);
  if (Status attached = attach(*member); !attached) {
    roster.remove(member->name);
    if (const Status deleted = store.delete_connector(member->id); !deleted) {
      telemetry::log(Level::error, "connector_not_undone",
                     {{"name", member->name}, {"error", deleted.error().to_string()}});
    }
    return attached;
  }
  {
    const std::lock_guard lock(member->mutex);
    note(*member, "", member->state.health.phase(), "created");
  }
  journal.flush();
  return {};
}

Status Fleet::Impl::reopen(Member& member, CheckedBody checked, const std::string& reason) {
  checked.spec.id = member.id;
  auto source = WEIR_TRY(open(*checked.type, checked.spec));
  state::ConnectorRow row = row_of(member);
  row.mode = to_string(checked.spec.mode);
  row.body_json = checked.spec.body.dump(-1, ' ', false, json::error_handler_t::replace);
  WEIR_TRY(store.put_connector(row));
  member.source->replace(std::move(source));
  {
    const std::lock_guard lock(member.mutex);
    Member::State& state = member.state;
    state.spec = std::move(checked.spec);
    state.type = checked.type;
    state.warnings = std::move(checked.warnings);
    state.open_error.reset();
    state.check.reset();
    const Phase before = state.health.phase();
    state.health.reopened(reason);
    note(member, to_string(before), state.health.phase(), reason);
  }
  journal.flush();
  return attach(member);
}

Status Fleet::Impl::set_paused(const std::string& id_or_name, Scope scope, bool paused) {
  const std::lock_guard lock(lifecycle);
  const MemberPtr member = WEIR_TRY(roster.find(id_or_name));
  state::ConnectorRow row = row_of(*member);
  const bool changes = (scope != Scope::sync && row.federation_paused != paused) ||
                       (scope != Scope::federation && row.sync_paused != paused);
  if (scope != Scope::sync) row.federation_paused = paused;
  if (scope != Scope::federation) row.sync_paused = paused;
  if (changes) {
    WEIR_TRY(store.put_connector(row));
    const std::string reason = std::string(paused ? "paused" : "resumed") + ": scope " + std::string(to_string(scope));
    {
      const std::lock_guard state_lock(member->mutex);
      const Phase before = member->state.health.phase();
      member->state.health.set_paused(row.federation_paused, reason);
      member->state.sync_paused = row.sync_paused;
      note(*member, to_string(before), member->state.health.phase(), reason);
    }
    journal.flush();
    if (auto* current = desk.load(); current != nullptr && scope != Scope::federation)
      current->pause(member->id, paused);
    telemetry::log(Level::info, paused ? "connector_paused" : "connector_resumed",
                   {{"name", member->name}, {"scope", std::string(to_string(scope))}});
  }
  if (paused || !member->state.open_error) return {};
  CheckedBody checked = WEIR_TRY(check_body(registry, secrets, member->state.spec.body));
  WEIR_TRY(reopen(*member, std::move(checked), "opened again"));
  for (const auto& warning : keep_copy(member, /*somebody_waits=*/true)) log_warning(*member, warning);
  return {};
}

}  // namespace weir::connector
