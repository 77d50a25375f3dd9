/// What the parts of the fleet share. Order of locks: `lifecycle`, a member's `check_mutex`, a member's `mutex`, the
/// journal's; sources, the store and the observer are never called with a member's `mutex` held.
#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <string>

#include "connector/connector_body.h"
#include "connector/event_journal.h"
#include "connector/fleet.h"
#include "connector/member.h"

namespace weir::connector {

struct Fleet::Impl {
  Impl(const Registry& given_registry, const options::SecretResolver& given_secrets, state::Store& given_store,
       telemetry::Metrics& given_metrics, Clock given_clock)
      : registry(given_registry),
        secrets(given_secrets),
        store(given_store),
        metrics(given_metrics),
        clock(std::move(given_clock)),
        journal(given_store) {}

  /// Opens what a row of the store holds; a failure is kept in the member.
  MemberPtr restore(const state::ConnectorRow& row) const;
  /// Persists, puts on the roster and attaches; undoes all of it when one step fails.
  Status admit(const MemberPtr& member);
  Status attach(Member& member) const;
  /// Opens without connecting. The error names the connector and holds no secret.
  Result<std::shared_ptr<Source>> open(const Type& type, const Spec& spec) const;
  /// Opens `member` anew from `checked` and persists it; running reads keep the old source.
  Status reopen(Member& member, CheckedBody checked, const std::string& reason);
  Status set_paused(const std::string& id_or_name, Scope scope, bool paused);

  /// Asks the source for its version unless it was asked just now, is paused or is never read live.
  void check_source(Member& member);
  bool check_is_due(const Member& member) const;
  bool has_check(const Member& member) const;

  /// Notes an event of the connector itself; `from` is empty when there was nothing before. The caller holds
  /// `member.mutex` and calls `journal.flush()` without it.
  void note(const Member& member, std::string_view from, Phase to, std::string reason);
  /// Notes a change of phase and sets the metric. The caller holds `member.mutex`.
  void note_contact(const Member& member, const std::optional<PhaseChange>& change, bool up);
  void publish_pools();

  const Registry& registry;
  const options::SecretResolver& secrets;
  state::Store& store;
  telemetry::Metrics& metrics;
  const Clock clock;
  EventJournal journal;
  Roster roster;
  std::mutex lifecycle;  ///< one change of the fleet at a time, and the observer hears of them in that order
  FleetObserver* observer = nullptr;
  std::atomic<SyncDesk*> desk = nullptr;

  /// Hands the member's live copy to the desk, or takes it away when its mode has none. Answers the desk's warnings.
  std::vector<std::string> keep_copy(const MemberPtr& member, bool somebody_waits);
};

}  // namespace weir::connector
