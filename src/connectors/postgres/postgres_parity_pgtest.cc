/// A snapshot and the stream give the same types and the same values, for every type of TYPES.md.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "connector/arrow_schema.h"
#include "connectors/postgres/changes_fixture.h"

namespace weir::postgres {
namespace {

struct TypeCase {
  std::string name;
  std::string type;
  std::vector<std::string> values;
};

/// Those of tests/e2e/every_type.py and more: every row of TYPES.md.
std::vector<TypeCase> all_types(const std::string& schema) {
  const std::string mood = schema + ".mood", pair = schema + ".pair", quantity = schema + ".quantity",
                    address = schema + ".address";
  return {
      {"c_bool", "boolean", {"true", "false"}},
      {"c_int2", "smallint", {"-32768", "0", "32767"}},
      {"c_int4", "integer", {"-2147483648", "0", "2147483647"}},
      {"c_int8", "bigint", {"-9223372036854775808", "0", "9223372036854775807"}},
      {"c_oid", "oid", {"0", "4294967295"}},
      {"c_float4", "real", {"0.1", "'NaN'", "'-0'", "'-Infinity'", "3.4e38"}},
      {"c_float8", "double precision", {"0.1", "'NaN'", "'-0'", "'Infinity'", "1e308"}},
      {"c_numeric", "numeric(20,4)", {"0.0001", "-1234567890123456.7890", "0"}},
      {"c_numeric_free", "numeric", {"0.1", "-12345.67890", "0"}},
      {"c_numeric_scale", "numeric(5,-2)", {"12300", "0"}},
      {"c_text", "text", {"''", "'Grüße'", "E'a\\nb'", "repeat('x', 5000)"}},
      {"c_varchar", "varchar(10)", {"'abc'", "''"}},
      {"c_name", "name", {"'a_name'"}},
      {"c_char", "char(5)", {"'ab'", "'é'", "''"}},
      {"c_onechar", "\"char\"", {"'a'", "''", "'\\351'"}},
      {"c_citext", "public.citext", {"'Ada'", "'ADA'"}},
      {"c_enum", mood, {"'sad'", "'Zen'"}},
      {"c_bytea", "bytea", {"'\\x'", "'\\x00ff'"}},
      {"c_date", "date", {"'2024-02-29'", "'0044-03-15 BC'", "'infinity'", "'-infinity'"}},
      {"c_time", "time", {"'00:00'", "'24:00'", "'12:34:56.000001'"}},
      {"c_timestamp", "timestamp", {"'2024-02-29 12:00:00.123456'", "'infinity'", "'0044-03-15 01:02:03 BC'"}},
      {"c_timestamptz", "timestamptz", {"'2024-02-29 12:00:00.123456+05:30'", "'-infinity'"}},
      {"c_interval", "interval", {"'1 month'", "'-1 day 2 hours'", "'1 year 2 months 3 days 04:05:06.000007'"}},
      {"c_uuid", "uuid", {"'80000000-0000-0000-0000-000000000001'"}},
      {"c_json", "json", {"'{\"a\":  [1, null], \"a\": 2}'", "'1'"}},
      {"c_jsonb", "jsonb", {"'{\"b\":  [1, null], \"a\": 1.50}'", "'\"x\"'"}},
      {"c_ints", "integer[]", {"'{1,NULL,3}'", "'{}'"}},
      {"c_texts", "text[]", {"'{a,NULL,\"b,c\"}'", "'{}'"}},
      {"c_matrix", "integer[][]", {"'{{1,2},{3,4}}'", "'[0:1]={5,6}'", "'{}'"}},
      {"c_domain", quantity, {"-999", "42"}},
      {"c_address", address, {"'10.0.0.1'", "'::1/64'"}},
      {"c_range", "int4range", {"'[1,5)'", "'empty'", "'(,3)'"}},
      {"c_tsrange", "tstzrange", {"'[2024-01-01 00:00+02,2024-01-02)'"}},
      {"c_numrange", "numrange", {"'[1.0,2.50]'"}},
      {"c_multirange", "int4multirange", {"'{[1,3),[5,7)}'", "'{}'"}},
      {"c_inet", "inet", {"'10.0.0.1'", "'10.0.0.0/8'", "'::1'"}},
      {"c_cidr", "cidr", {"'10.0.0.0/8'"}},
      {"c_macaddr", "macaddr", {"'08:00:2b:01:02:03'"}},
      {"c_macaddr8", "macaddr8", {"'08:00:2b:01:02:03:04:05'"}},
      {"c_money", "money", {"'12.34'", "'-0.01'", "'1234567.89'"}},
      {"c_timetz", "timetz", {"'12:00:00+02'", "'00:00:00-11:30'"}},
      {"c_bit", "bit(8)", {"B'00000001'", "B'11111111'"}},
      {"c_varbit", "varbit", {"B'1'", "B''", "B'10101'"}},
      {"c_xml", "xml", {"'<a b=\"1\">x</a>'"}},
      {"c_tsvector", "tsvector", {"'a:1A fat:2 cat'", "''"}},
      {"c_tsquery", "tsquery", {"'a & !b | c:*'"}},
      {"c_point", "point", {"'(1.5,-2)'"}},
      {"c_line", "line", {"'{1,2,3}'"}},
      {"c_lseg", "lseg", {"'[(0,0),(1,1)]'"}},
      {"c_box", "box", {"'(2,2),(1,1)'"}},
      {"c_path", "path", {"'[(0,0),(1,1)]'", "'((0,0),(1,1))'"}},
      {"c_polygon", "polygon", {"'((0,0),(1,1),(2,0))'"}},
      {"c_circle", "circle", {"'<(0,0),1.5>'"}},
      {"c_pg_lsn", "pg_lsn", {"'16/B374D848'"}},
      {"c_xid", "xid", {"'123'"}},
      {"c_tid", "tid", {"'(1,2)'"}},
      {"c_regclass", "regclass", {"'pg_class'", "'0'"}},
      {"c_regtype", "regtype", {"'integer'"}},
      {"c_pair", pair, {"row(1,'x')", "row(null,'a,b')", "row(null,null)"}},
      {"c_hstore", "public.hstore", {"'a=>1'", "'\"x y\"=>NULL'", "''"}},
      {"c_int2vector", "int2vector", {"'1 2 3'"}},
      {"c_oidvector", "oidvector", {"'1 2'"}},
      {"c_jsonpath", "jsonpath", {"'$.a[*] ? (@ > 1)'"}},
      {"c_snapshot", "txid_snapshot", {"'10:20:10,14'"}},
      {"c_acl", "aclitem", {"'weir=r/weir'"}},
      {"c_inets", "inet[]", {"'{10.0.0.1,NULL,::1}'", "'{}'"}},
      {"c_pairs", pair + "[]", {"array[row(1,'x')::" + pair + ", null]"}},
      {"c_jsonbs", "jsonb[]", {"array['{\"b\": 1, \"a\": 2}'::jsonb, null]"}},
      {"c_ranges", "int4range[]", {"array['[1,5)'::int4range]"}},
      {"c_moods", mood + "[]", {"array['sad','Zen']::" + mood + "[]"}},
      {"c_quantities", quantity + "[]", {"'{1,2}'"}},
      {"c_numerics", "numeric[]", {"'{1.5,2.25}'"}},
      {"c_dates", "date[]", {"'{2024-01-01,infinity}'"}},
      {"c_uuids", "uuid[]", {"'{80000000-0000-0000-0000-000000000001}'"}},
      {"c_bools", "boolean[]", {"'{t,f,NULL}'"}},
      {"c_chars", "char(3)[]", {"'{a,bc}'"}},
  };
}

class PostgresParityTest : public ChangesTest {
 protected:
  /// Rows of every type, the last of which is NULL in all.
  void make_every_type() {
    witness_->run("CREATE EXTENSION IF NOT EXISTS citext; CREATE EXTENSION IF NOT EXISTS hstore; CREATE TYPE " +
                  schema_ + ".mood AS ENUM ('sad', 'ok', 'happy', 'Zen'); CREATE TYPE " + schema_ +
                  ".pair AS (left_part integer, right_part text); CREATE DOMAIN " + schema_ +
                  ".quantity AS integer CHECK (value > -1000); CREATE DOMAIN " + schema_ + ".address AS inet");
    cases_ = all_types(schema_);
    std::string columns = "id int PRIMARY KEY";
    size_t rows = 0;
    for (const TypeCase& one : cases_) {
      columns += ", " + one.name + " " + one.type;
      rows = std::max(rows, one.values.size());
    }
    witness_->run("CREATE TABLE " + table("every_type") + " (" + columns + ")");
    for (size_t row = 0; row <= rows; row++) {
      std::string values = std::to_string(row);
      for (const TypeCase& one : cases_) {
        values += ", " + (row == rows ? "NULL" : "(" + one.values[row % one.values.size()] + ")::" + one.type);
      }
      witness_->run("INSERT INTO " + table("every_type") + " VALUES (" + values + ")");
    }
    rows_ = rows + 1;
  }

  /// The table as of a snapshot, by id.
  std::map<std::string, EventRow> read_at(const std::string& snapshot, const std::vector<plan::Column>& columns) {
    std::map<std::string, EventRow> rows;
    auto transaction = source_->begin_at(snapshot);
    EXPECT_TRUE(transaction);
    plan::Scan scan;
    scan.table = {schema_, "every_type"};
    scan.columns = columns;
    for (size_t i = 0; i < columns.size(); i++) scan.projection.push_back(i);
    auto stream = (*transaction)->read(scan, {.streams_max = 1, .queue_bytes_max = 1u << 20});
    EXPECT_TRUE(stream);
    for (;;) {
      auto polled = next(**stream);
      EXPECT_TRUE(polled) << polled.error().to_string();
      if (!polled || polled->state == connector::BatchStream::State::end) return rows;
      auto schema = connector::arrow_schema(columns);
      auto batch = arrow::ImportRecordBatch(polled->batch.columns.get(), schema.get());
      EXPECT_TRUE(batch.ok()) << batch.status();
      for (int64_t r = 0; r < (*batch)->num_rows(); r++) {
        EventRow row;
        for (int c = 0; c < (*batch)->num_columns(); c++) {
          row[(*batch)->column_name(c)] =
              (*batch)->column(c)->type()->ToString() + " " + cell_text(*(*batch)->column(c), r);
        }
        rows[row.at("id")] = row;
      }
    }
  }

  /// The same from the stream.
  std::map<std::string, EventRow> read_stream() {
    std::map<std::string, EventRow> rows;
    while (rows.size() < rows_) {
      auto group = stream_->next(milliseconds(10'000));
      EXPECT_TRUE(group) << group.error().to_string();
      if (!group || !*group) break;
      for (connector::Change& change : (*group)->changes) {
        auto* changes = std::get_if<connector::RowChanges>(&change);
        if (changes == nullptr) {
          ADD_FAILURE() << lines_of(change).at(0);
          return rows;
        }
        auto batch = arrow::ImportRecordBatch(changes->rows.get(), changes->schema.get());
        EXPECT_TRUE(batch.ok()) << batch.status();
        // Not in full: 24:00:00 is a time of PostgreSQL and DuckDB, but none of this Arrow.
        EXPECT_TRUE((*batch)->Validate().ok()) << (*batch)->Validate();
        for (int64_t r = 0; r < (*batch)->num_rows(); r++) {
          EventRow row;
          for (const plan::Column& column : changes->table->columns) {
            const auto array = (*batch)->GetColumnByName(column.name);
            row[column.name] = array->type()->ToString() + " " + cell_text(*array, r);
          }
          rows[row.at("id")] = row;
        }
      }
    }
    return rows;
  }

  void expect_parity() {
    make_every_type();
    follow({"every_type"});
    auto point = changes_->snapshot_point();
    ASSERT_TRUE(point) << point.error().to_string();
    EXPECT_GE((*point)->position(), position_);
    // Everything is sent: nothing is unchanged.
    witness_->run("ALTER TABLE " + table("every_type") + " REPLICA IDENTITY FULL; UPDATE " + table("every_type") +
                  " SET id = id");
    const auto streamed = read_stream();
    const auto snapshot = read_at((*point)->name(), tables_[0]->columns);
    ASSERT_EQ(snapshot.size(), rows_);
    ASSERT_EQ(streamed.size(), rows_);
    for (const auto& [id, row] : snapshot) {
      for (const auto& [name, value] : row) EXPECT_EQ(streamed.at(id).at(name), value) << name << " of row " << id;
    }
  }

  std::vector<TypeCase> cases_;
  size_t rows_ = 0;
};

TEST_F(PostgresParityTest, EveryTypeIsTheSameInSnapshotAndStream) { expect_parity(); }

TEST_F(PostgresParityTest, AlsoWithArraysAndNumericsAsText) {
  source_ = open({{"array_mode", "text"}, {"numeric_mode", "string"}});
  changes_ = source_->changes();
  expect_parity();
}

TEST_F(PostgresParityTest, AlsoWithNumericsAsDoubles) {
  source_ = open({{"numeric_mode", "double"}});
  changes_ = source_->changes();
  expect_parity();
}

TEST_F(PostgresParityTest, ASnapshotIsAsOfItsPoint) {
  make_table("numbers", 50'000);
  witness_->run("ALTER TABLE " + table("numbers") + " ADD PRIMARY KEY (id)");
  source_ = open({{"split_read_mb", 1}, {"pool_size", 6}});
  changes_ = source_->changes();
  follow({"numbers"});
  auto point = changes_->snapshot_point();
  ASSERT_TRUE(point) << point.error().to_string();
  witness_->run("INSERT INTO " + table("numbers") + " SELECT i, 'late' FROM generate_series(50001, 60000) i");
  // The slot that it took is not kept.
  EXPECT_EQ(witness_->number("SELECT count(*) FROM pg_replication_slots WHERE temporary"), 0);
  auto transaction = source_->begin_at((*point)->name());
  ASSERT_TRUE(transaction);
  auto stream = (*transaction)->read(scan_of(*source_, "numbers"), {.streams_max = 3, .queue_bytes_max = 1u << 20});
  ASSERT_TRUE(stream);
  const auto drained = drain(**stream);
  ASSERT_TRUE(drained) << drained.error().to_string();
  EXPECT_EQ(drained->rows, 50'000);
  EXPECT_GT((*stream)->stats().streams, 1);
  std::vector<std::string> late;
  while (late.empty()) {
    auto group = stream_->next(milliseconds(10'000));
    ASSERT_TRUE(group && *group);
    const bool is_behind = (*group)->position > (*point)->position();
    EXPECT_EQ(is_behind, (*group)->rows > 0);
    late = land(std::move(**group));
  }
  point->reset();
  transaction = source_->begin_at("00000003-00000002-1");
  auto gone = (*transaction)->read(scan_of(*source_, "numbers"), {});
  EXPECT_FALSE(drain(**gone));
}

}  // namespace
}  // namespace weir::postgres
