#include "connectors/postgres/postgres_publication.h"

#include <algorithm>
#include <iterator>
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
  bool is_ours = false;
  bool has_all_kinds = false;
  bool has_all_tables = false;
  std::set<plan::TableName> whole, partial;  ///< partial: with a row filter or a list of columns

  bool has(const plan::TableName& table) const { return has_all_kinds && (has_all_tables || whole.contains(table)); }
};

Result<Published> read_publication(SourceCatalog& catalog, const std::string& name) {
  // Columns that came with later versions are read as JSON, so that they may be missing.
  const auto results = WEIR_TRY(catalog.run(fmt::format(
      "SELECT pg_has_role(pubowner, 'USAGE'), pubinsert AND pubupdate AND pubdelete AND pubtruncate, puballtables "
      "FROM pg_publication WHERE pubname = {0}; "
      "SELECT n.nspname, c.relname, coalesce(to_jsonb(r)->>'prqual', to_jsonb(r)->>'prattrs') IS NULL "
      "FROM pg_publication p JOIN pg_publication_rel r ON r.prpubid = p.oid "
      "JOIN pg_class c ON c.oid = r.prrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE p.pubname = {0}",
      quote_literal(name))));
  const pg_result* publication = results.at(0).get();
  const pg_result* tables = results.at(1).get();
  Published published;
  published.exists = PQntuples(publication) > 0;
  if (published.exists) {
    published.is_ours = text_at(publication, 0, 0) == "t";
    published.has_all_kinds = text_at(publication, 0, 1) == "t";
    published.has_all_tables = text_at(publication, 0, 2) == "t";
  }
  for (int row = 0; row < PQntuples(tables); row++) {
    auto& kind = text_at(tables, row, 2) == "t" ? published.whole : published.partial;
    kind.insert({text_at(tables, row, 0), text_at(tables, row, 1)});
  }
  return published;
}

std::vector<plan::TableName> lacking(const Published& now, const std::vector<plan::TableName>& tables) {
  std::vector<plan::TableName> lacking;
  for (const plan::TableName& table : tables) {
    if (!now.has(table)) lacking.push_back(table);
  }
  return lacking;
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

/// The publication is somebody else's, and leaves changes of these tables out.
Error foreign(const std::string& publication, const std::vector<plan::TableName>& tables) {
  std::string names;
  for (const plan::TableName& table : tables) names += (names.empty() ? "" : ", ") + table.to_string();
  return {ErrorCode::source_permission_denied,
          "the publication " + publication + " does not publish all changes of " + names + ", and is another user's",
          "let its owner add the tables, without row filters and lists of columns, for insert, update, delete and "
          "truncate; or drop it",
          {}};
}

/// The statements that make the publication one of exactly these tables.
std::string changes_of(const Published& now, const std::string& publication,
                       const std::vector<plan::TableName>& tables) {
  const std::string name = quote_identifier(publication);
  if (!now.exists) return "CREATE PUBLICATION " + name + (tables.empty() ? "" : " FOR TABLE " + list_of(tables)) + "; ";
  std::string text;
  if (!now.has_all_kinds) {
    text += "ALTER PUBLICATION " + name + " SET (publish = 'insert, update, delete, truncate'); ";
  }
  if (now.has_all_tables) return text;
  std::vector<plan::TableName> others;
  for (const auto* some : {&now.whole, &now.partial}) {
    std::ranges::copy_if(*some, std::back_inserter(others), [&](const plan::TableName& table) {
      return std::ranges::find(tables, table) == tables.end();
    });
  }
  const bool has_all = std::ranges::all_of(tables, [&](const auto& table) { return now.whole.contains(table); });
  if (!has_all) {
    text += "ALTER PUBLICATION " + name + " SET TABLE " + list_of(tables) + "; ";
  } else if (!others.empty()) {
    text += "ALTER PUBLICATION " + name + " DROP TABLE " + list_of(others) + "; ";
  }
  return text;
}

}  // namespace

Result<std::vector<plan::TableName>> unpublished_tables(SourceCatalog& catalog, const std::string& publication,
                                                        const std::vector<plan::TableName>& tables) {
  return lacking(WEIR_TRY(read_publication(catalog, publication)), tables);
}

Status publish_tables(SourceCatalog& catalog, const std::string& publication,
                      const std::vector<plan::TableName>& tables) {
  const Published now = WEIR_TRY(read_publication(catalog, publication));
  const std::vector<plan::TableName> missing = lacking(now, tables);
  if (now.exists && !now.is_ours) return missing.empty() ? Status() : fail(foreign(publication, missing));
  const std::string text = changes_of(now, publication, tables);
  if (text.empty()) return {};
  auto done = catalog.run(kBeginWriting + text + "COMMIT");
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
                              "('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int, "
                              "coalesce(pg_wal_lsn_diff(pg_current_wal_flush_lsn(), s.confirmed_flush_lsn), 0)::int8 "
                              "FROM (SELECT 1) AS one LEFT JOIN pg_replication_slots s ON s.slot_name = {}",
                              quote_literal(slot))));
  const pg_result* row = results.at(0).get();
  connector::ChangeSourceState state;
  state.identity = text_at(row, 0, 5) + "/" + text_at(row, 0, 6);
  if (const auto end = lsn_of(text_at(row, 0, 0))) state.end = to_position(*end);
  if (const auto confirmed = lsn_of(text_at(row, 0, 1))) state.confirmed = to_position(*confirmed);
  const auto bytes_at = [&](int column) {
    return static_cast<uint64_t>(std::max<int64_t>(0, std::stoll(text_at(row, 0, column))));
  };
  state.retained_bytes = bytes_at(2);
  state.behind_bytes = bytes_at(7);
  state.follows = text_at(row, 0, 3) == "t";
  state.usable = text_at(row, 0, 4) == "t";
  return state;
}

Result<connector::SourceMoment> read_moment(SourceCatalog& catalog) {
  const auto results = WEIR_TRY(
      catalog.run("SELECT pg_current_wal_flush_lsn(), (extract(epoch FROM clock_timestamp()) * 1000000)::int8"));
  const pg_result* row = results.at(0).get();
  connector::SourceMoment moment;
  if (const auto end = lsn_of(text_at(row, 0, 0))) moment.end = to_position(*end);
  moment.at = std::chrono::system_clock::time_point(std::chrono::microseconds(std::stoll(text_at(row, 0, 1))));
  return moment;
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
  const Published published = WEIR_TRY(read_publication(catalog, name));
  if (!published.exists || !published.is_ours) return {};
  auto dropped =
      catalog.run(std::string(kBeginWriting) + "DROP PUBLICATION IF EXISTS " + quote_identifier(name) + "; COMMIT");
  if (!dropped) return fail(refusal(std::move(dropped.error())));
  return {};
}

}  // namespace weir::postgres
