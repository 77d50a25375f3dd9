/// The life of a copy: made, loaded from a snapshot, complete, dropped.
#include <array>
#include <chrono>
#include <thread>

#include <fmt/format.h>

#include "base/time.h"
#include "lake/hot.h"
#include "lake/lake.h"
#include "sync/copy_landing.h"

namespace weir::sync {
namespace {

using lake::SqlSession;
using std::chrono::system_clock;

constexpr std::string_view kMetaColumns =
    "_kyma_pk VARCHAR, _kyma_op VARCHAR, _kyma_lsn VARCHAR, _kyma_event_at TIMESTAMPTZ";
constexpr std::string_view kUnchangedColumn =
    "_unchanged STRUCT(\"columns\" VARCHAR[], moved STRUCT(lsn VARCHAR, pk VARCHAR)[])";

std::string columns_sql(const std::vector<plan::Column>& columns) {
  std::string sql;
  for (const auto& column : columns)
    sql += (sql.empty() ? "" : ", ") + identifier(column.name) + " " + stored_type(column.type);
  return sql;
}

/// Without the columns that come with the end of the snapshot.
std::string create_lake_table_sql(const std::string& table, const std::vector<plan::Column>& columns) {
  return fmt::format("CREATE TABLE {} ({})", table, columns_sql(columns));
}

std::string schema_of(std::string_view catalog, std::string_view connector, const plan::TableName& table) {
  return fmt::format("{}.{}", catalog, identifier(lake::copy_schema(connector, table.schema)));
}

}  // namespace

Status CopyLanding::prepare(const connector::ChangeTablePtr& table) {
  WEIR_TRY(can_be_copied(*table));
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [name, copy] : copies_) {
      if (name == table->name || folded(name.to_string()) != folded(table->name.to_string())) continue;
      return fail(ErrorCode::not_available_yet,
                  fmt::format("copies of two tables whose names differ by letter case only: {} and {}",
                              name.to_string(), table->name.to_string()),
                  "leave one of them out of sync.tables");
    }
  }
  WEIR_TRY(drop(table->name));
  WEIR_TRY(step([](SqlSession&) { return Status(); }));  // the fence, before anything changes
  const auto session = WEIR_TRY(this->session());
  const auto& connector = records_.connector();
  const std::lock_guard lock(folding_);
  at("prepare_lake");
  WEIR_TRY(
      lake_statement(*session, "CREATE SCHEMA IF NOT EXISTS " + schema_of(lake::kCatalog, connector, table->name)));
  for (const auto& [option, value] : extent_options()) {
    WEIR_TRY(lake_statement(*session,
                            fmt::format("CALL {}.set_option({}, {}, schema => {})", lake::kCatalog, literal(option),
                                        literal(value), literal(lake::copy_schema(connector, table->name.schema)))));
  }
  WEIR_TRY(lake_statement(*session, "DROP TABLE IF EXISTS " + lake_of(table->name)));
  WEIR_TRY(lake_statement(*session, create_lake_table_sql(lake_of(table->name), table->columns)));
  at("prepare_hot");
  Copy copy{};
  copy.shape = {table, {}};
  copy.hot_since = copy.changed_at = Clock::now();
  return step(
      [&](SqlSession& hot) -> Status {
        WEIR_TRY(make_hot(copy.shape));
        // What was begun with the table that had its name before is nothing to be undone in this one.
        WEIR_TRY(records_.settle(hot, table->name));
        return records_.save(hot, copy);
      },
      [&] { put(copy); });
}

/// Extents of copies are written anew again and again: zstd, as in the rest of the lake, takes a fifth more time. The
/// second version of Parquet keeps integers as differences; in the first they are left to snappy, which then is half
/// of what a read of a column of numbers costs.
std::map<std::string_view, std::string_view> CopyLanding::extent_options() const {
  return {{"parquet_compression", "snappy"}, {"parquet_version", "2"}, {"target_file_size", extent_size_max()}};
}

std::string CopyLanding::create_hot_sql(const CopyShape& shape) const {
  return fmt::format("{} {} ({}, {}, {})", create_hot(), hot_of(shape.table->name), columns_sql(shape.stored()),
                     kMetaColumns, kUnchangedColumn);
}

Status CopyLanding::snapshot_begins(const plan::TableName& table, const connector::Position& at,
                                    std::chrono::system_clock::time_point taken_at) {
  Copy copy;
  return step(
      [&](SqlSession& hot) -> Status {
        copy = WEIR_TRY(whole_copy_of(table));
        copy.snapshot = at;
        copy.snapshot_at_us =
            std::chrono::duration_cast<std::chrono::microseconds>(taken_at.time_since_epoch()).count();
        if (copy.truncated < at) copy.truncated.clear();
        this->at("snapshot_begins");
        copy.hot_rows -=
            WEIR_TRY(hot.change(fmt::format("DELETE FROM {} WHERE _kyma_lsn < {}", hot_of(table), literal(at))));
        return records_.save(hot, copy);
      },
      [&] { put(copy); });
}

class CopyLanding::ShownLoad {
 public:
  ShownLoad(CopyLanding& landing, plan::TableName table, const SqlSession& session)
      : landing_(landing), table_(std::move(table)) {
    const std::lock_guard lock(landing_.mutex_);
    landing_.loads_[table_] = &session;
  }
  ~ShownLoad() {
    const std::lock_guard lock(landing_.mutex_);
    landing_.loads_.erase(table_);
  }
  ShownLoad(const ShownLoad&) = delete;
  ShownLoad& operator=(const ShownLoad&) = delete;

 private:
  CopyLanding& landing_;
  const plan::TableName table_;
};

Result<uint64_t> CopyLanding::load(const plan::TableName& table, const std::string& scan, std::stop_token stop) {
  if (WEIR_TRY(whole_copy_of(table)).snapshot.empty())
    return fail(ErrorCode::internal, "a snapshot is loaded before it began: " + table.to_string());
  const lake::Committer::LongWrite writing(committer_);
  const auto session = WEIR_TRY(this->session());
  const ShownLoad shown(*this, table, *session);
  const std::stop_callback on_stop(stop, [&] { session->interrupt(); });
  if (WEIR_TRY(copy_of(table)).half_loaded) WEIR_TRY(empty_lake_table(*session, table, stop));
  const auto copy = WEIR_TRY(copy_of(table));
  auto rows = load_rows(*session, copy, scan, stop);
  if (rows) {
    if (const auto added = add_constants(*session, copy, stop); !added) rows = fail(added.error());
  }
  if (rows) return rows;
  static_cast<void>(session->run("ROLLBACK"));
  if (stop.stop_requested()) return fail(ErrorCode::cancelled, "the snapshot was cancelled: " + table.to_string());
  return fail(classified(std::move(rows.error())));
}

/// One transaction of the lake. In the committer's turn stands nothing but the COMMIT: the rows may take minutes.
Result<uint64_t> CopyLanding::load_rows(SqlSession& session, const Copy& copy, const std::string& scan,
                                        const std::stop_token& stop) {
  std::string names, values;
  for (const auto& column : copy.shape.table->columns) {
    names += (names.empty() ? "" : ", ") + identifier(column.name);
    values += (values.empty() ? "" : ", ") + to_stored("s." + identifier(column.name), column.type);
  }
  WEIR_TRY(session.run("BEGIN"));
  // An interruption before the statement would be forgotten by it.
  if (stop.stop_requested()) return fail(ErrorCode::cancelled, "the snapshot was cancelled");
  at("load_insert");
  const auto rows = WEIR_TRY(session.change(
      fmt::format("INSERT INTO {} ({}) SELECT {} FROM {} s", lake_of(copy.name()), names, values, scan)));
  WEIR_TRY(in_turn(
      session,
      [&]() -> Status {
        const auto now = WEIR_TRY(copy_of(copy.name()));
        if (now.version != copy.version || now.snapshot != copy.snapshot) {
          return fail(ErrorCode::commit_conflict,
                      "the table was changed while its snapshot was loaded: " + copy.name().to_string());
        }
        at("load_commit");
        set_half_loaded(copy.name(), true);
        return session.run("COMMIT");
      },
      stop));
  at("load_committed");
  return rows;
}

/// What is the same in every row of a snapshot is written nowhere: it is the columns' default for the extents that are
/// there when they are added.
Status CopyLanding::add_constants(SqlSession& session, const Copy& copy, const std::stop_token& stop) {
  const auto at_us = system_clock::time_point(std::chrono::microseconds(copy.snapshot_at_us));
  const std::array<std::string, 3> columns = {
      "_kyma_op VARCHAR DEFAULT 'insert'",
      "_kyma_lsn VARCHAR DEFAULT " + literal(copy.snapshot + "/00000000"),
      "_kyma_event_at TIMESTAMPTZ DEFAULT " + literal(iso8601_utc(at_us)),
  };
  for (const auto& column : columns) {
    at("load_constant");
    const auto sql = fmt::format("ALTER TABLE {} ADD COLUMN {}", lake_of(copy.name()), column);
    WEIR_TRY(in_turn(session, [&] { return session.run(sql); }, stop));
  }
  set_half_loaded(copy.name(), false);
  return {};
}

/// A load that failed after its rows were there, and is done again. In the committer's turn, because the table's shape
/// changes only there.
Status CopyLanding::empty_lake_table(SqlSession& session, const plan::TableName& table, const std::stop_token& stop) {
  WEIR_TRY(in_turn(
      session,
      [&]() -> Status {
        const auto copy = WEIR_TRY(copy_of(table));
        at("load_again");
        WEIR_TRY(session.run("DROP TABLE IF EXISTS " + lake_of(table)));
        return session.run(create_lake_table_sql(lake_of(table), copy.shape.stored()));
      },
      stop));
  set_half_loaded(table, false);
  return {};
}

void CopyLanding::set_half_loaded(const plan::TableName& table, bool half_loaded) {
  const std::lock_guard lock(mutex_);
  const auto found = copies_.find(table);
  if (found != copies_.end()) found->second.half_loaded = half_loaded;
}

Status CopyLanding::complete(const plan::TableName& table) {
  Copy copy;
  return step(
      [&](SqlSession& hot) -> Status {
        copy = WEIR_TRY(whole_copy_of(table));
        if (copy.phase == CopyPhase::complete) return {};
        WEIR_TRY(fill_unchanged(hot, copy));
        WEIR_TRY(bury_truncated(hot, copy));
        copy.phase = CopyPhase::complete;
        copy.truncated.clear();
        WEIR_TRY(settle_hot(copy));
        at("complete");
        return records_.save(hot, copy);
      },
      [&] { put(copy); });
}

/// Columns that the source never sent since the snapshot are as they are there, under the key that the row had then.
Status CopyLanding::fill_unchanged(SqlSession& hot, const Copy& copy) {
  const auto rows = hot_of(copy.name());
  const auto waiting = WEIR_TRY(hot.rows(fmt::format("SELECT count(*) FROM {} WHERE _unchanged IS NOT NULL", rows)));
  if (waiting[0][0] == "0") return {};
  // `moved` is newest first: the last one behind the snapshot names the key of the snapshot.
  WEIR_TRY(
      hot.run(fmt::format("CREATE OR REPLACE TEMP TABLE weir_need AS SELECT _kyma_pk AS pk, "
                          "coalesce(list_filter(_unchanged.moved, lambda m: m.lsn > "
                          "{})[-1].pk, _kyma_pk) AS source FROM {} WHERE _unchanged IS NOT NULL",
                          literal(copy.snapshot), rows)));
  WEIR_TRY(hot.run(fmt::format("CREATE OR REPLACE TEMP TABLE weir_older AS SELECT * FROM {} WHERE {}",
                               lake_rows(records_.connector(), *copy.shape.table),
                               has_key(*copy.shape.table, "SELECT source FROM weir_need"))));
  std::string values;
  for (const auto& column : copy.shape.table->columns) {
    values += fmt::format("{0} = CASE WHEN list_contains(h._unchanged.columns, {1}) THEN l.{0} ELSE h.{0} END, ",
                          identifier(column.name), literal(column.name));
  }
  const auto filled =
      WEIR_TRY(hot.change(fmt::format("UPDATE {} AS h SET {}_unchanged = NULL FROM weir_need n, weir_older l WHERE "
                                      "h._kyma_pk = n.pk AND l._kyma_pk = n.source",
                                      rows, values)));
  if (std::to_string(filled) == waiting[0][0]) return {};
  return fail(ErrorCode::data_dir_damaged,
              "rows that the source changed since the snapshot are not in it: table " + copy.name().to_string(),
              "resync the table");
}

/// A TRUNCATE behind the snapshot: its rows are gone, but for those that came again.
Status CopyLanding::bury_truncated(SqlSession& hot, Copy& copy) {
  if (copy.truncated.empty()) return {};
  const auto split = copy.truncated.find('@');
  std::string key;
  for (const auto& name : copy.shape.table->key) key += identifier(name) + ", ";
  copy.hot_rows += WEIR_TRY(hot.change(
      fmt::format("INSERT INTO {0} ({1}_kyma_pk, _kyma_op, _kyma_lsn, _kyma_event_at) SELECT "
                  "{1}_kyma_pk, 'delete', {2}, make_timestamptz({3}) FROM "
                  "{4} ANTI JOIN (SELECT {5} FROM {0}) USING ({5})",
                  hot_of(copy.name()), key, literal(copy.truncated.substr(0, split)), copy.truncated.substr(split + 1),
                  lake_rows(records_.connector(), *copy.shape.table), join_columns(*copy.shape.table))));
  return {};
}

/// In this order, so that a crash in between leaves a copy that is loading, which whoever comes next makes anew or
/// drops.
Status CopyLanding::drop(const plan::TableName& table) {
  if (!copy_of(table)) return {};
  const auto session = WEIR_TRY(this->session());
  // A fold of it ends first. A load notices at its commit that the table is another one.
  const std::lock_guard lock(folding_);
  Copy copy;
  at("drop_mark");
  WEIR_TRY(step(
      [&](SqlSession& hot) -> Status {
        copy = WEIR_TRY(copy_of(table));
        copy.phase = CopyPhase::loading;
        copy.snapshot.clear();
        return records_.save(hot, copy);
      },
      [&] { put(copy); }));
  at("drop_lake");
  WEIR_TRY(lake_statement(*session, "DROP TABLE IF EXISTS " + lake_of(table)));
  at("drop_hot");
  return step(
      [&](SqlSession& hot) -> Status {
        WEIR_TRY(drop_hot(table));
        WEIR_TRY(records_.settle(hot, table));
        return records_.forget(hot, table);
      },
      [&] { remove(table); });
}

Status CopyLanding::drop_all() {
  WEIR_TRY(step([](SqlSession&) { return Status(); }));  // the fence, as in `prepare`
  for (const auto& copy : tables()) WEIR_TRY(drop(copy.table->name));
  WEIR_TRY(drop_schemas());
  at("drop_records");
  {
    const HotGate::Step alone(gate_);
    WEIR_TRY(record(*session_, [&](SqlSession& session) -> Status {
      WEIR_TRY(records_.hold(session));
      return records_.forget_all(session);
    }));
  }
  const std::lock_guard lock(mutex_);
  position_.reset();
  return {};
}

/// With what a process left that was killed while it made a copy.
Status CopyLanding::drop_schemas() {
  const auto session = WEIR_TRY(this->session());
  const auto schemas = WEIR_TRY(session->rows(fmt::format(
      "SELECT database_name, schema_name FROM duckdb_schemas() WHERE database_name IN ({}, {}) AND "
      "starts_with(schema_name, {})",
      literal(lake::kCatalog), literal(lake::kHotCatalog), literal(lake::copy_schema(records_.connector(), "")))));
  for (const auto& schema : schemas) {
    const auto name = fmt::format("{}.{}", schema[0], identifier(schema[1]));
    if (name == records_.place()) continue;
    at("drop_schema");
    const auto sql = fmt::format("DROP SCHEMA {} CASCADE", name);
    WEIR_TRY(schema[0] == lake::kCatalog ? lake_statement(*session, sql)
                                         : step([&](SqlSession& hot) { return hot.run(sql); }));
  }
  return {};
}

}  // namespace weir::sync
