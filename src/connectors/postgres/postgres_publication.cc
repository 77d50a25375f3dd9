#include "connectors/postgres/postgres_publication.h"

#include <algorithm>
#include <set>
#include <thread>

#include <fmt/format.h>
#include <libpq-fe.h>

namespace weir::postgres {
namespace {

using std::chrono::steady_clock;

/// A walsender that was told to end takes a moment.
constexpr auto kEndPause = std::chrono::milliseconds(20);
constexpr auto kEndMax = std::chrono::seconds(10);

/// Waiting for a lock on a table must not go on for ever: others queue behind it.
constexpr const char* kBeginWriting = "BEGIN READ WRITE; SET LOCAL lock_timeout = '10s'; ";

std::string quoted_name(const plan::TableName& table) {
  return quote_identifier(table.schema) + "." + quote_identifier(table.table);
}

std::string list_of(const std::vector<plan::TableName>& tables) {
  std::string list;
  for (const plan::TableName& table : tables) list += (list.empty() ? "ONLY " : ", ONLY ") + quoted_name(table);
  return list;
}

/// What the publication is now.
struct Published {
  bool exists = false;
  bool has_all_kinds = false;
  std::set<plan::TableName> tables;
};

Result<Published> read_publication(SourceCatalog& catalog, const std::string& name) {
  const auto results = WEIR_TRY(catalog.run(fmt::format(
      "SELECT pubinsert AND pubupdate AND pubdelete AND pubtruncate AND NOT puballtables FROM pg_publication "
      "WHERE pubname = {0}; "
      "SELECT n.nspname, c.relname FROM pg_publication p JOIN pg_publication_rel r ON r.prpubid = p.oid "
      "JOIN pg_class c ON c.oid = r.prrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE p.pubname = {0}",
      quote_literal(name))));
  Published published;
  published.exists = PQntuples(results.at(0).get()) > 0;
  published.has_all_kinds = published.exists && text_at(results.at(0).get(), 0, 0) == "t";
  for (int row = 0; row < PQntuples(results.at(1).get()); row++) {
    published.tables.insert({text_at(results.at(1).get(), row, 0), text_at(results.at(1).get(), row, 1)});
  }
  return published;
}

/// A refusal of a statement that changes the publication.
Error refusal(Error error) {
  const auto contains = [&](std::string_view part) { return error.message.find(part) != std::string::npos; };
  const bool denied = error.code == ErrorCode::source_query_failed && contains("SQLSTATE 42501");
  if (!denied) return error;
  return {ErrorCode::source_permission_denied,
          "the source's user may not publish the tables: " + error.message,
          "GRANT CREATE ON DATABASE … TO the user, and make it the owner of the tables; or let their owner make the "
          "publication",
          {}};
}

}  // namespace

Status publish_tables(SourceCatalog& catalog, const std::string& publication,
                      const std::vector<plan::TableName>& tables) {
  const Published now = WEIR_TRY(read_publication(catalog, publication));
  const std::set<plan::TableName> wanted(tables.begin(), tables.end());
  if (now.exists && now.has_all_kinds && now.tables == wanted) return {};
  const std::string name = quote_identifier(publication);
  std::string text = kBeginWriting;
  if (!now.exists) {
    text += "CREATE PUBLICATION " + name + (tables.empty() ? "" : " FOR TABLE " + list_of(tables)) + "; ";
  } else if (now.tables != wanted && !tables.empty()) {
    text += "ALTER PUBLICATION " + name + " SET TABLE " + list_of(tables) + "; ";
  } else if (now.tables != wanted) {
    text += "ALTER PUBLICATION " + name + " DROP TABLE " +
            list_of(std::vector<plan::TableName>(now.tables.begin(), now.tables.end())) + "; ";
  }
  if (now.exists && !now.has_all_kinds) {
    text += "ALTER PUBLICATION " + name + " SET (publish = 'insert, update, delete, truncate'); ";
  }
  auto done = catalog.run(text + "COMMIT");
  if (!done) return fail(refusal(std::move(done.error())));
  return {};
}

Result<connector::ChangeSourceState> read_slot_state(SourceCatalog& catalog, const std::string& slot) {
  if (WEIR_TRY(catalog.connection())->server().in_recovery) {
    return fail(ErrorCode::source_not_prepared, "the source is a standby: it cannot be followed",
                "register the primary for the live copy");
  }
  // Columns that came with later versions are read as JSON, so that they may be missing.
  const auto results = WEIR_TRY(
      catalog.run(fmt::format("SELECT pg_current_wal_flush_lsn(), s.confirmed_flush_lsn, "
                              "coalesce(pg_wal_lsn_diff(pg_current_wal_lsn(), s.restart_lsn), 0)::int8, "
                              "s.slot_name IS NOT NULL, s.plugin = 'pgoutput' AND s.database = current_database() "
                              "AND coalesce(to_jsonb(s)->>'wal_status', '') <> 'lost' "
                              "AND coalesce(to_jsonb(s)->>'invalidation_reason', '') = '' "
                              "AND coalesce((to_jsonb(s)->>'conflicting')::bool, false) = false, "
                              "(SELECT system_identifier FROM pg_control_system()), "
                              "('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int "
                              "FROM (SELECT 1) AS one LEFT JOIN pg_replication_slots s ON s.slot_name = {}",
                              quote_literal(slot))));
  const pg_result* row = results.at(0).get();
  connector::ChangeSourceState state;
  state.identity = text_at(row, 0, 5) + "/" + text_at(row, 0, 6);
  if (const auto end = lsn_of(text_at(row, 0, 0))) state.end = to_position(*end);
  if (const auto confirmed = lsn_of(text_at(row, 0, 1))) state.confirmed = to_position(*confirmed);
  state.retained_bytes = static_cast<uint64_t>(std::max<int64_t>(0, std::stoll(text_at(row, 0, 2))));
  state.follows = text_at(row, 0, 3) == "t";
  state.usable = text_at(row, 0, 4) == "t";
  return state;
}

Status drop_slot_and_publication(SourceCatalog& catalog, const std::string& name, Waiter& waiter) {
  const std::string quoted = quote_literal(name);
  const auto give_up = steady_clock::now() + kEndMax;
  for (;;) {
    // A slot that is read from cannot be dropped; only connections of our own name and user are ended.
    const auto active = WEIR_TRY(catalog.run(fmt::format(
        "SELECT CASE WHEN a.application_name = 'weir' THEN pg_terminate_backend(a.pid) END "
        "FROM pg_replication_slots s JOIN pg_stat_activity a ON a.pid = s.active_pid WHERE s.slot_name = {}",
        quoted)));
    if (PQntuples(active.at(0).get()) == 0) break;
    if (steady_clock::now() >= give_up) {
      return fail(ErrorCode::replication_slot_in_use, "another connection reads from the replication slot: " + name);
    }
    if (waiter.pause(kEndPause) == Waiter::Outcome::stopped) return fail(ErrorCode::cancelled, "cancelled");
  }
  WEIR_TRY(
      catalog.run("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = " + quoted));
  auto dropped =
      catalog.run(std::string(kBeginWriting) + "DROP PUBLICATION IF EXISTS " + quote_identifier(name) + "; COMMIT");
  if (!dropped) return fail(refusal(std::move(dropped.error())));
  return {};
}

}  // namespace weir::postgres
