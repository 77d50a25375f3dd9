/// One registered connector inside the fleet, and the roster of all.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "connector/federation_health.h"
#include "connector/registry.h"
#include "connector/replaceable_source.h"
#include "state/store.h"

namespace weir::connector {

/// What the last health check found.
struct SourceCheck {
  std::chrono::system_clock::time_point at;
  std::chrono::steady_clock::time_point at_monotonic;
  std::optional<ConnectionReport> report;  ///< nothing: not reachable
  std::optional<Error> error;
};

struct Member {
  /// What can change. It is written with `mutex` held; spec, type, errors of opening and pauses only by a holder of the
  /// fleet's life cycle lock, who may therefore read those without `mutex`.
  struct State {
    Spec spec;
    const Type* type = nullptr;  ///< null: a type that this build does not know
    std::vector<std::string> warnings;
    std::optional<Error> open_error;  ///< why the source could not be opened
    std::optional<SourceCheck> check;
    FederationHealth health;
    bool sync_paused = false;
    bool removed = false;  ///< nothing more may be recorded
  };

  Member(std::string given_id, std::string given_name, std::string given_time, std::shared_ptr<Source> opened)
      : id(std::move(given_id)),
        name(std::move(given_name)),
        created_at(std::move(given_time)),
        source(std::make_shared<ReplaceableSource>(std::move(opened))) {}

  const std::string id, name, created_at;
  const std::shared_ptr<ReplaceableSource> source;
  std::mutex check_mutex;  ///< held while one thread asks the source; never with `mutex` held
  mutable std::mutex mutex;
  State state;
  bool attached = false;  ///< the observer has it; only for holders of the fleet's life cycle lock
};
using MemberPtr = std::shared_ptr<Member>;

/// How a member is kept in the store. The caller holds the fleet's life cycle lock.
state::ConnectorRow row_of(const Member& member);
/// {id, name, type, mode, created_at, paused, warnings, body…}, secrets masked. Takes `member.mutex`.
nlohmann::json description_of(const Member& member);
/// The status document. Takes `member.mutex`; `now` is for the window of the last five minutes.
nlohmann::json status_of(const Member& member, std::chrono::steady_clock::time_point now);

/// The members by name. Thread-safe.
class Roster {
 public:
  /// By id or by name (letter case ignored). Errors: connector_not_found, offering the nearest name.
  Result<MemberPtr> find(const std::string& id_or_name) const;
  /// False when the name is taken.
  bool add(MemberPtr member);
  void remove(const std::string& name);
  /// In the order of names.
  std::vector<MemberPtr> all() const;

 private:
  mutable std::shared_mutex mutex_;
  std::map<std::string, MemberPtr> by_name_;  ///< keys are folded names
};

}  // namespace weir::connector
