/// The tables of the control state, and the way from each older form to the newest.
#include "state/schema.h"

#include <array>

namespace weir::state {
namespace {

/// Step n leads from version n to n + 1. A step that was released never changes; append another one.
constexpr std::array kSteps = {
    R"(CREATE TABLE connectors (
         id TEXT PRIMARY KEY,
         name TEXT NOT NULL UNIQUE,
         type TEXT NOT NULL,
         mode TEXT NOT NULL,
         body_json TEXT NOT NULL,
         sync_paused INTEGER NOT NULL,
         federation_paused INTEGER NOT NULL,
         created_at TEXT NOT NULL
       ) STRICT;
       CREATE TABLE events (
         number INTEGER PRIMARY KEY,
         connector_id TEXT NOT NULL REFERENCES connectors (id) ON DELETE CASCADE,
         at_us INTEGER NOT NULL,
         source_table TEXT NOT NULL,
         from_state TEXT NOT NULL,
         to_state TEXT NOT NULL,
         reason TEXT NOT NULL
       ) STRICT;
       CREATE INDEX events_by_connector ON events (connector_id, at_us, number);)",
    R"(CREATE TABLE sync_stops (
         connector_id TEXT NOT NULL REFERENCES connectors (id) ON DELETE CASCADE,
         source_table TEXT NOT NULL,
         reason TEXT NOT NULL,
         hint TEXT NOT NULL,
         position TEXT NOT NULL,
         as_of_us INTEGER NOT NULL,
         PRIMARY KEY (connector_id, source_table)
       ) STRICT;)",
};

Result<int64_t> version_of(Database& database) {
  auto statement = database.prepare("PRAGMA user_version");
  if (const int code = statement.step(); code != SQLITE_ROW) return database.error(code);
  return statement.number(0);
}

Status apply_steps(Database& database, int64_t version) {
  for (auto step = static_cast<size_t>(version); step < kSteps.size(); ++step) WEIR_TRY(database.run(kSteps[step]));
  WEIR_TRY(database.run("PRAGMA user_version = " + std::to_string(kSteps.size())));
  return database.run("COMMIT");
}

}  // namespace

Status migrate(Database& database) {
  const int64_t version = WEIR_TRY(version_of(database));
  if (version > static_cast<int64_t>(kSteps.size())) {
    return fail(ErrorCode::data_dir_version, "the control state has version " + std::to_string(version) +
                                                 "; this Weir knows versions up to " + std::to_string(kSteps.size()));
  }
  if (version == static_cast<int64_t>(kSteps.size())) return {};
  WEIR_TRY(database.run("BEGIN IMMEDIATE"));
  auto done = apply_steps(database, version);
  if (!done) static_cast<void>(database.run("ROLLBACK"));
  return done;
}

}  // namespace weir::state
