#include "sync/landing_records.h"

#include <array>

#include <fmt/format.h>

#include "sync/copy_sql.h"

namespace weir::sync {
namespace {

using lake::SqlSession;
using std::chrono::microseconds;
using std::chrono::system_clock;

struct RecordTable {
  std::string_view name, columns;
};
constexpr std::array kTables = {
    RecordTable{"weir_position",
                "connector VARCHAR, position VARCHAR, source_identity VARCHAR, committed_at_us BIGINT, "
                "owner VARCHAR, generation BIGINT"},
    RecordTable{"weir_tables",
                "connector VARCHAR, source_schema VARCHAR, source_table VARCHAR, version BIGINT, phase VARCHAR, "
                "snapshot VARCHAR, snapshot_at_us BIGINT, truncated VARCHAR, description VARCHAR"},
    RecordTable{"weir_intents",
                "connector VARCHAR, source_schema VARCHAR, source_table VARCHAR, version_after BIGINT, "
                "columns_before VARCHAR"},
};

int64_t since_1970(system_clock::time_point at) {
  return std::chrono::duration_cast<microseconds>(at.time_since_epoch()).count();
}

}  // namespace

std::string LandingRecords::in_place(std::string_view table) const { return fmt::format("{}.{}", place_, table); }

std::vector<std::string> LandingRecords::make_sql() const {
  std::vector<std::string> sql;
  for (const auto& table : kTables) {
    sql.push_back(fmt::format("CREATE TABLE IF NOT EXISTS {} ({})", in_place(table.name), table.columns));
  }
  return sql;
}

Result<std::optional<LandedPosition>> LandingRecords::position(SqlSession& session) const {
  const auto rows = WEIR_TRY(
      session.rows(fmt::format("SELECT position, source_identity, committed_at_us FROM {} WHERE connector = {}",
                               in_place("weir_position"), literal(connector_))));
  if (rows.size() > 1) {
    return fail(ErrorCode::data_dir_damaged, "there is more than one position of connector " + connector_);
  }
  if (rows.empty() || rows[0][0].empty()) return std::optional<LandedPosition>();
  return LandedPosition{rows[0][0], rows[0][1], system_clock::time_point(microseconds(std::stoll(rows[0][2])))};
}

Status LandingRecords::take_over(SqlSession& session) const {
  const auto before = WEIR_TRY(session.rows(
      fmt::format("SELECT position, source_identity, committed_at_us, generation FROM {} WHERE connector = {}",
                  in_place("weir_position"), literal(connector_))));
  const std::vector<std::string> row = before.empty() ? std::vector<std::string>{"", "", "0", "0"} : before[0];
  WEIR_TRY(
      session.run(fmt::format("DELETE FROM {} WHERE connector = {}", in_place("weir_position"), literal(connector_))));
  return session.run(fmt::format("INSERT INTO {} VALUES ({}, {}, {}, {}, {}, {} + 1)", in_place("weir_position"),
                                 literal(connector_), literal(row[0]), literal(row[1]), row[2], literal(owner_),
                                 row[3]));
}

std::unexpected<Error> LandingRecords::taken() const {
  return fail(ErrorCode::commit_conflict, "another process owns the live copy of connector " + connector_,
              "it goes on there; nothing was changed here");
}

/// Deletes the one row of this owner, and answers what stood in it.
Result<std::vector<std::string>> LandingRecords::take_row(SqlSession& session) const {
  const auto own = fmt::format("FROM {} WHERE connector = {} AND owner = {}", in_place("weir_position"),
                               literal(connector_), literal(owner_));
  const auto rows = WEIR_TRY(session.rows("SELECT position, source_identity, committed_at_us, generation " + own));
  if (rows.size() != 1 || WEIR_TRY(session.change("DELETE " + own)) != 1) return taken();
  return rows[0];
}

Status LandingRecords::advance(SqlSession& session, const LandedPosition& position) const {
  const auto row = WEIR_TRY(take_row(session));
  return session.run(fmt::format("INSERT INTO {} VALUES ({}, {}, {}, {}, {}, {})", in_place("weir_position"),
                                 literal(connector_), literal(position.position), literal(position.source_identity),
                                 since_1970(position.committed_at), literal(owner_), row[3]));
}

Status LandingRecords::hold(SqlSession& session) const {
  const auto row = WEIR_TRY(take_row(session));
  return session.run(fmt::format("INSERT INTO {} VALUES ({}, {}, {}, {}, {}, {})", in_place("weir_position"),
                                 literal(connector_), literal(row[0]), literal(row[1]), row[2], literal(owner_),
                                 row[3]));
}

std::string LandingRecords::of_table(const plan::TableName& table) const {
  return fmt::format("connector = {} AND source_schema = {} AND source_table = {}", literal(connector_),
                     literal(table.schema), literal(table.table));
}

Result<std::vector<CopyRecord>> LandingRecords::copies(SqlSession& session) const {
  const auto rows = WEIR_TRY(session.rows(fmt::format(
      "SELECT source_schema, source_table, version, phase, snapshot, snapshot_at_us, truncated, description "
      "FROM {} WHERE connector = {} ORDER BY ALL",
      in_place("weir_tables"), literal(connector_))));
  std::vector<CopyRecord> copies;
  for (const auto& row : rows) {
    copies.push_back({.shape = WEIR_TRY(shape_of({row[0], row[1]}, row[7])),
                      .version = std::stoull(row[2]),
                      .phase = row[3] == "complete" ? CopyPhase::complete : CopyPhase::loading,
                      .snapshot = row[4],
                      .snapshot_at_us = std::stoll(row[5]),
                      .truncated = row[6]});
  }
  return copies;
}

Status LandingRecords::save(SqlSession& session, const CopyRecord& copy) const {
  const auto& name = copy.shape.table->name;
  WEIR_TRY(session.run(fmt::format("DELETE FROM {} WHERE {}", in_place("weir_tables"), of_table(name))));
  return session.run(fmt::format("INSERT INTO {} VALUES ({}, {}, {}, {}, {}, {}, {}, {}, {})", in_place("weir_tables"),
                                 literal(connector_), literal(name.schema), literal(name.table), copy.version,
                                 copy.phase == CopyPhase::complete ? "'complete'" : "'loading'", literal(copy.snapshot),
                                 copy.snapshot_at_us, literal(copy.truncated), literal(to_text(copy.shape))));
}

Status LandingRecords::forget(SqlSession& session, const plan::TableName& table) const {
  return session.run(fmt::format("DELETE FROM {} WHERE {}", in_place("weir_tables"), of_table(table)));
}

Status LandingRecords::forget_all(SqlSession& session) const {
  for (const auto& table : kTables) {
    WEIR_TRY(
        session.run(fmt::format("DELETE FROM {} WHERE connector = {}", in_place(table.name), literal(connector_))));
  }
  return {};
}

Result<std::vector<ShapeIntent>> LandingRecords::intents(SqlSession& session) const {
  const auto rows = WEIR_TRY(session.rows(
      fmt::format("SELECT source_schema, source_table, version_after, columns_before FROM {} WHERE connector = {}",
                  in_place("weir_intents"), literal(connector_))));
  std::vector<ShapeIntent> intents;
  for (const auto& row : rows) intents.push_back({{row[0], row[1]}, std::stoull(row[2]), row[3]});
  return intents;
}

Status LandingRecords::intend(SqlSession& session, const ShapeIntent& intent) const {
  return session.run(fmt::format("INSERT INTO {} VALUES ({}, {}, {}, {}, {})", in_place("weir_intents"),
                                 literal(connector_), literal(intent.table.schema), literal(intent.table.table),
                                 intent.version_after, literal(intent.columns_before)));
}

Status LandingRecords::settle(SqlSession& session, const plan::TableName& table) const {
  return session.run(fmt::format("DELETE FROM {} WHERE {}", in_place("weir_intents"), of_table(table)));
}

}  // namespace weir::sync
