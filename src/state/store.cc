/// The control state in a SQLite file.
#include "state/store.h"

#include <mutex>
#include <utility>

#include "state/schema.h"
#include "state/sqlite.h"

namespace weir::state {
namespace {

using std::chrono::days;
using std::chrono::microseconds;

/// How long events are kept, behind the newest one of their connector.
constexpr int64_t kEventAgeMaxUs = microseconds(days(30)).count();

ConnectorRow connector_of(const Statement& row) {
  return {.id = row.text(0),
          .name = row.text(1),
          .type = row.text(2),
          .mode = row.text(3),
          .body_json = row.text(4),
          .sync_paused = row.number(5) != 0,
          .federation_paused = row.number(6) != 0,
          .created_at = row.text(7)};
}

EventRow event_of(const Statement& row) {
  return {.at_us = row.number(0), .table = row.text(1), .from = row.text(2), .to = row.text(3), .reason = row.text(4)};
}

SyncStopRow stop_of(const Statement& row) {
  return {.table = row.text(0),
          .reason = row.text(1),
          .hint = row.text(2),
          .position = row.text(3),
          .as_of_us = row.number(4)};
}

/// All rows of `statement`, each made by `make`.
template <typename Row>
Result<std::vector<Row>> collect(Database& database, Statement statement, Row (*make)(const Statement&)) {
  std::vector<Row> rows;
  int code = statement.step();
  for (; code == SQLITE_ROW; code = statement.step()) rows.push_back(make(statement));
  if (code != SQLITE_DONE) return database.error(code);
  return rows;
}

/// One connection behind one mutex: control state is small, and its writes are rare.
class SqliteStore final : public Store {
 public:
  explicit SqliteStore(std::unique_ptr<Database> database) : database_(std::move(database)) {}

  Result<std::vector<ConnectorRow>> connectors() override {
    const std::lock_guard lock(mutex_);
    return collect(
        *database_,
        database_->prepare("SELECT id, name, type, mode, body_json, sync_paused, federation_paused, created_at "
                           "FROM connectors ORDER BY created_at, id"),
        connector_of);
  }

  Status put_connector(const ConnectorRow& row) override {
    const std::lock_guard lock(mutex_);
    auto statement = database_->prepare(
        "INSERT INTO connectors VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (id) DO UPDATE SET name = ?2, type "
        "= ?3, "
        "mode = ?4, body_json = ?5, sync_paused = ?6, federation_paused = ?7, created_at = ?8");
    statement.bind(row.id).bind(row.name).bind(row.type).bind(row.mode).bind(row.body_json);
    statement.bind(int64_t{row.sync_paused}).bind(int64_t{row.federation_paused}).bind(row.created_at);
    return database_->finish(statement);
  }

  Status delete_connector(const std::string& id) override {
    const std::lock_guard lock(mutex_);
    auto statement = database_->prepare("DELETE FROM connectors WHERE id = ?1");
    statement.bind(id);
    return database_->finish(statement);
  }

  Status append_event(const std::string& connector_id, const EventRow& event, int keep) override {
    const std::lock_guard lock(mutex_);
    WEIR_TRY(database_->run("BEGIN IMMEDIATE"));
    auto done = append_and_trim(connector_id, event, keep);
    if (!done) static_cast<void>(database_->run("ROLLBACK"));
    return done;
  }

  Result<std::vector<EventRow>> events(const std::string& connector_id, int limit) override {
    const std::lock_guard lock(mutex_);
    auto statement = database_->prepare(
        "SELECT at_us, source_table, from_state, to_state, reason FROM events WHERE connector_id = ?1 "
        "ORDER BY number DESC LIMIT ?2");
    statement.bind(connector_id).bind(int64_t{limit});
    return collect(*database_, std::move(statement), event_of);
  }

  Result<std::vector<SyncStopRow>> sync_stops(const std::string& connector_id) override {
    const std::lock_guard lock(mutex_);
    auto statement = database_->prepare(
        "SELECT source_table, reason, hint, position, as_of_us FROM sync_stops WHERE connector_id = ?1 "
        "ORDER BY source_table");
    statement.bind(connector_id);
    return collect(*database_, std::move(statement), stop_of);
  }

  Status put_sync_stop(const std::string& connector_id, const SyncStopRow& row) override {
    const std::lock_guard lock(mutex_);
    auto statement = database_->prepare(
        "INSERT OR REPLACE INTO sync_stops SELECT ?1, ?2, ?3, ?4, ?5, ?6 "
        "WHERE EXISTS (SELECT 1 FROM connectors WHERE id = ?1)");
    statement.bind(connector_id).bind(row.table).bind(row.reason).bind(row.hint).bind(row.position).bind(row.as_of_us);
    return database_->finish(statement);
  }

  Status delete_sync_stop(const std::string& connector_id, const std::string& table) override {
    const std::lock_guard lock(mutex_);
    auto statement = database_->prepare("DELETE FROM sync_stops WHERE connector_id = ?1 AND source_table = ?2");
    statement.bind(connector_id).bind(table);
    return database_->finish(statement);
  }

 private:
  Status append_and_trim(const std::string& connector_id, const EventRow& event, int keep) {
    auto insert = database_->prepare(
        "INSERT INTO events (connector_id, at_us, source_table, from_state, to_state, reason) "
        "SELECT ?1, ?2, ?3, ?4, ?5, ?6 WHERE EXISTS (SELECT 1 FROM connectors WHERE id = ?1)");
    insert.bind(connector_id).bind(event.at_us).bind(event.table).bind(event.from).bind(event.to).bind(event.reason);
    WEIR_TRY(database_->finish(insert));
    auto trim = database_->prepare(
        "DELETE FROM events WHERE connector_id = ?1 AND (at_us < ?2 OR number NOT IN "
        "(SELECT number FROM events WHERE connector_id = ?1 ORDER BY number DESC LIMIT ?3))");
    trim.bind(connector_id).bind(event.at_us - kEventAgeMaxUs).bind(int64_t{keep});
    WEIR_TRY(database_->finish(trim));
    return database_->run("COMMIT");
  }

  std::mutex mutex_;
  std::unique_ptr<Database> database_;
};

}  // namespace

Result<std::unique_ptr<Store>> Store::open(const std::filesystem::path& file) {
  auto database = WEIR_TRY(Database::open(file));
  WEIR_TRY(migrate(*database));
  return std::make_unique<SqliteStore>(std::move(database));
}

}  // namespace weir::state
