/// The registered connectors of this process: life cycle, persistence, status, events. Everything else asks here.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "connector/registry.h"
#include "connector/source.h"
#include "connector/sync_desk.h"
#include "state/store.h"
#include "telemetry/metrics.h"

namespace weir::connector {

/// What a pause or a resume touches.
enum class Scope : uint8_t { all, sync, federation };

/// One transition, for `GET /v1/connectors/{id}/events`: the last 100 are kept per connector, for 30 days.
struct Event {
  std::chrono::system_clock::time_point at;
  std::string table;  ///< empty: the connector itself
  std::string from, to, reason;
};

/// A row of `kyma_connector_health`.
struct Health {
  std::string connector_id, connector_name, type, mode, phase, source_table;
  std::optional<double> lag_seconds, events_per_sec;
  int pool_in_use = 0, pool_max = 0;
  std::string last_error;
  std::optional<std::chrono::system_clock::time_point> last_event_at;
};

/// What a registration or a change answers: warnings are for people ("connection.tls is disabled: …").
struct Saved {
  std::string id;
  std::vector<std::string> warnings;
};

/// Where the fleet takes the time from, so that a test can hold it.
struct Clock {
  std::function<std::chrono::system_clock::time_point()> now = std::chrono::system_clock::now;
  std::function<std::chrono::steady_clock::time_point()> monotonic = std::chrono::steady_clock::now;
};

/// What others may hear of: the engine attaches and detaches catalogs. Called one at a time; may call back any const
/// function of the fleet, `may_read_live` and `record_scan`, but none that changes it.
class FleetObserver {
 public:
  virtual ~FleetObserver() = default;
  /// `source` stays the same for the connector's life: after an update it reads in the new way, while running queries
  /// keep the old one. A connector that could not be opened has one too; its calls answer with the reason.
  virtual Status attached(const Spec& spec, std::shared_ptr<Source> source) = 0;
  virtual void detached(const std::string& name) = 0;
};

/// How a query shall answer a bare reference to a table.
struct Served {
  bool copy = false;             ///< by the live copy; otherwise live
  CopyState state;               ///< of the copy
  std::optional<Error> refused;  ///< by neither
};

/// Thread-safe. Connectors are addressed by id or by name.
class Fleet {
 public:
  Fleet(const Registry& registry, const options::SecretResolver& secrets, state::Store& store,
        telemetry::Metrics& metrics, Clock clock = {});
  ~Fleet();

  /// Opens what the store holds and tells `observer` of it and of every later change. Called once, before serving.
  /// A connector that cannot be opened is `errored` with its reason and harms nothing else. `observer` must stay until
  /// the last change. Errors: those of the store.
  Status start(FleetObserver& observer);

  /// From here on live copies are kept by `desk`, which must stay until `stop_copies`.
  void keep_copies(SyncDesk& desk);
  /// Stops all of them; what is landed stays.
  void stop_copies();

  /// Checks, resolves every secret, persists, opens and attaches. Does not connect.
  /// Errors: unknown_option, invalid_option, secret_unresolvable, already_exists, not_available_yet (a mode).
  Result<Saved> create(const nlohmann::json& body);
  /// The body with `change` merged in (RFC 7396), checked as on creation. Name and type cannot change.
  Result<Saved> update(const std::string& id_or_name, const nlohmann::json& change);
  Status remove(const std::string& id_or_name);
  /// {id, name, type, mode, created_at, paused: {federation, sync}, warnings, body…} with secrets masked.
  /// Errors: connector_not_found.
  Result<nlohmann::json> get(const std::string& id_or_name) const;
  /// {"items": […]}, each as from `get`, by name.
  nlohmann::json list() const;
  /// {"items": [{type, description, modes, schema}]}, the declared types with the JSON schema of their bodies.
  nlohmann::json catalog() const;

  /// Opens from a body without saving and connects once: {reachable, version, tls, round_trip_ms, warnings}, or
  /// {reachable: false, error: {code, message, hint}, warnings}. `name` may be left out. Errors: as `create`.
  Result<nlohmann::json> test(const nlohmann::json& body) const;

  /// Both are durable and idempotent. `resume` also opens again what could not be opened. Errors: connector_not_found.
  Status pause(const std::string& id_or_name, Scope scope);
  Status resume(const std::string& id_or_name, Scope scope);

  /// The table of a live copy goes back through a snapshot. Errors: connector_not_found, table_not_found,
  /// source_disabled (no live copy).
  Status resync(const std::string& id_or_name, const std::string& table);

  /// As SyncDesk::verify. Errors: connector_not_found too.
  Result<nlohmann::json> verify(const std::string& id_or_name, const std::string& table, const std::stop_token& stop);

  /// The status document of seed 000. Connects for `source.reachable` at most once in 10 seconds, and never to a
  /// connector whose federation is paused.
  Result<nlohmann::json> status(const std::string& id_or_name);
  Result<std::vector<Event>> events(const std::string& id_or_name) const;
  std::vector<Health> health() const;

  /// In mode both a table is served by its copy once that is complete, in mode sync by nothing else.
  Served served(const std::string& name, const plan::TableName& table) const;
  /// The tables of which a live copy is kept; empty in mode federation.
  std::vector<plan::TableName> copies(const std::string& name) const;
  /// As SyncDesk::wait, for the copy of a table.
  Status wait_for_copy(const std::string& name, const plan::TableName& table, const FreshnessDemand& demand,
                       std::chrono::milliseconds limit, const std::function<bool()>& stop) const;
  /// Connectors whose stream of changes stands still.
  std::vector<std::string> stalled() const;

  /// Whether live reads of `name` may run now: source_disabled when paused or when its mode does not allow them.
  Status may_read_live(const std::string& name) const;
  /// Counts one finished federated scan for the metrics, p50/p99 and the status; `error` is set when it failed. An
  /// error begins or ends the connector's error phase and so writes an event. One that was cancelled says nothing about
  /// the connector and is counted by the metrics only.
  void record_scan(const std::string& name, const ReadStats& stats, const Error* error);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace weir::connector
