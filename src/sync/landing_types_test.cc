#include <arrow/api.h>
#include <arrow/c/bridge.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sync/landing_fixture.h"

namespace weir::sync {
namespace {

using plan::Kind;
using testing::changes_of;
using testing::column;
using ::testing::ElementsAre;
using testing::LandingTest;
using testing::position_of;
using testing::table_of;

struct TypeCase {
  std::string name, type;
  plan::Type plan;
  std::vector<std::string> values;
};

plan::Type of(Kind kind) { return {kind, 0, 0, {}}; }
plan::Type list_of(Kind kind) { return {Kind::list, 0, 0, {of(kind)}}; }

std::vector<TypeCase> every_type() {
  return {
      {"b", "BOOLEAN", of(Kind::boolean), {"true", "false"}},
      {"i2", "SMALLINT", of(Kind::int16), {"(-32768)", "32767"}},
      {"i4", "INTEGER", of(Kind::int32), {"(-2147483648)", "2147483647"}},
      {"i8", "BIGINT", of(Kind::int64), {"(-9223372036854775808)", "9223372036854775807"}},
      {"u4", "UINTEGER", of(Kind::uint32), {"0", "4294967295"}},
      {"f4", "FLOAT", of(Kind::float32), {"'nan'", "'-0.0'", "'inf'", "'-inf'", "'1.17549435e-38'"}},
      {"f8", "DOUBLE", of(Kind::float64), {"'nan'", "'-0.0'", "'inf'", "'-inf'", "'4.9e-324'"}},
      {"d",
       "DECIMAL(38,10)",
       {Kind::decimal, 38, 10, {}},
       {"'9999999999999999999999999999.9999999999'", "'-0.0000000001'"}},
      {"d4", "DECIMAL(4,1)", {Kind::decimal, 4, 1, {}}, {"'-999.9'", "'0.1'"}},
      {"t", "VARCHAR", of(Kind::text), {"''", "'ä''\"\\'", "repeat('x', 100000)"}},
      {"z", "BLOB", of(Kind::binary), {"''", "'\\x00\\xFF\\x00'"}},
      {"dt", "DATE", of(Kind::date), {"'infinity'", "'-infinity'", "'4713-01-01 (BC)'", "'5874897-12-31'"}},
      {"tm", "TIME", of(Kind::time), {"'00:00:00'", "'24:00:00'", "'12:34:56.123456'"}},
      {"ts",
       "TIMESTAMP",
       of(Kind::timestamp),
       {"'infinity'", "'-infinity'", "'4713-01-01 (BC) 00:00:00.000001'", "'294247-01-10 04:00:54.775806'"}},
      {"tz", "TIMESTAMPTZ", of(Kind::timestamptz), {"'infinity'", "'-infinity'", "'2024-02-29 12:00:00.123456+00'"}},
      {"iv",
       "INTERVAL",
       of(Kind::interval),
       {"'14 months -3 days 25:00:00.000001'", "'-1 year -1 month'", "to_microseconds(-9223372036854775807)",
        "to_microseconds(9223372036854775807)", "to_months(2147483647)", "to_days(-2147483648)"}},
      {"u",
       "UUID",
       of(Kind::uuid),
       {"'00000000-0000-0000-0000-000000000000'", "'ffffffff-ffff-ffff-ffff-ffffffffffff'",
        "'80000000-0000-4000-8000-000000000001'"}},
      {"j", "JSON", of(Kind::json), {"'{\"a\": 1,  \"a\":2}'", "'null'", "'1'"}},
      {"li", "INTEGER[]", list_of(Kind::int32), {"[]", "[1, NULL, 3]"}},
      {"lt", "VARCHAR[]", list_of(Kind::text), {"['', NULL, 'x']"}},
      {"lv", "INTERVAL[]", list_of(Kind::interval), {"[INTERVAL '14 months -3 days -0.000001 seconds', NULL]"}},
      {"lz", "TIMESTAMPTZ[]", list_of(Kind::timestamptz), {"['infinity', '-infinity']"}},
  };
}

class LandingTypesTest : public LandingTest {
 protected:
  /// One row for each value, and one of NULLs.
  static std::string values_of(const TypeCase& type) {
    std::string sql = "SELECT 0::BIGINT AS id, NULL::" + type.type + " AS v";
    for (size_t i = 0; i < type.values.size(); ++i)
      sql += " UNION ALL SELECT " + std::to_string(i + 1) + ", (" + type.values[i] + ")::" + type.type;
    return "(" + sql + ")";
  }
  /// Rows of the copy that are not those of `expected`, bit for bit.
  void expect_same(const TypeCase& type, const std::string& when) {
    const auto table = landed(type.name).table;
    const auto found = copy_view_sql("pg", *table, CopyView::current);
    const auto different =
        rows("SELECT e.id, e.v::VARCHAR, f.v::VARCHAR FROM " + values_of(type) + " e FULL JOIN (" + found +
             ") f USING (id) WHERE typeof(e.v) <> typeof(f.v) OR e.v::VARCHAR IS DISTINCT FROM f.v::VARCHAR OR "
             "hash(e.v) <> hash(f.v)");
    EXPECT_THAT(different, ::testing::IsEmpty()) << type.type << " " << when;
  }
};

TEST_F(LandingTypesTest, KeepsEveryValueInTheLakeAndInTheHotTable) {
  uint64_t commit = 20;
  for (const auto& type : every_type()) {
    const auto table = table_of(type.name, {column("id", Kind::int64), column("v", type.plan.kind, type.plan)}, {"id"});
    ok(landing().prepare(table));
    ok(landing().snapshot_begins(table->name, position_of(10), {}));
    const auto loaded = landing().load(table->name, values_of(type), {});
    ASSERT_TRUE(loaded) << type.type << loaded.error().to_string();
    ok(landing().complete(table->name));
    expect_same(type, "in the lake");
    // From the lake into the hot table and back.
    ok(engine_->session->run("BEGIN"));
    ok(engine_->session->run(
        "INSERT INTO __weir_hot.\"pg.public\"." + type.name +
        " SELECT id, v, id::VARCHAR, _kyma_op, _kyma_lsn, _kyma_event_at, NULL FROM weir.\"pg.public\"." + type.name));
    ok(engine_->session->run("COMMIT"));
    expect_same(type, "in the hot table");
    ok(engine_->session->run("UPDATE __weir_hot.\"pg.public\"." + type.name + " SET _kyma_lsn = '" +
                             position_of(commit) + "/00000001'"));
    open();
    EXPECT_EQ(fold(), type.values.size() + 1);
    expect_same(type, "folded");
    ++commit;
  }
}

/// A hot row supersedes the lake's row of the same key, also behind the first column of a key and in another time zone.
TEST_F(LandingTypesTest, FindsTheRowOfEveryKey) {
  std::map<std::string, size_t> count;
  for (const auto& type : every_type()) {
    for (const auto& key : {std::vector<std::string>{"v"}, {"v", "one"}}) {
      // Plain texts, texts with what joins them, and those that are not compared by value.
      if (key.size() == 2 && !std::set<std::string>{"i4", "t", "tz", "f8", "iv"}.contains(type.name)) continue;
      const auto name = type.name + std::to_string(key.size());
      const auto table = table_of(
          name, {column("v", type.plan.kind, type.plan), column("one", Kind::int32), column("n", Kind::text)}, key);
      const auto source = "(SELECT v, 1::INTEGER AS one, 'old' AS n FROM " + values_of(type) + " WHERE v IS NOT NULL)";
      ok(landing().prepare(table));
      ok(landing().snapshot_begins(table->name, position_of(10), {}));
      ASSERT_TRUE(landing().load(table->name, source, {}));
      ok(landing().complete(table->name));
      ok(engine_->session->run(fmt::format(
          "INSERT INTO {} SELECT {}, one, 'new', {}, 'update', '{}/00000001', now(), NULL FROM {} b",
          hot_table("pg", table->name), to_stored("b.v", type.plan), key_text(*table, "b."), position_of(20), source)));
      count[name] = type.values.size();
    }
  }
  open();
  const auto expect_new = [&](const std::string& when) {
    for (const auto& [name, rows] : count) {
      EXPECT_THAT(contents(name, "n"), ::testing::AllOf(::testing::SizeIs(rows), ::testing::Each("new")))
          << name << when;
    }
  };
  std::map<std::string, std::vector<std::string>> keys;
  for (const auto& [name, rows] : count) {
    keys[name] = contents(name, "DISTINCT _kyma_pk");
    EXPECT_EQ(keys[name].size(), rows) << name;
  }
  expect_new(" in the hot table");
  fold();
  expect_new(" folded");
  ok(engine_->session->run("SET TimeZone = 'America/New_York'"));
  for (const auto& [name, rows] : count) EXPECT_EQ(contents(name, "DISTINCT _kyma_pk"), keys[name]) << name;
}

TEST_F(LandingTypesTest, KeepsEveryAddedColumnsValue) {
  for (const auto& type : every_type()) {
    for (const auto& value : {type.values.back()}) {
      const auto name = "t_" + type.name;
      const auto before = table_of(name, {column("id", Kind::int64)}, {"id"});
      ok(landing().prepare(before));
      ok(landing().snapshot_begins(before->name, position_of(10), {}));
      ASSERT_TRUE(landing().load(before->name, "(SELECT 1::BIGINT AS id UNION ALL SELECT 2)", {}));
      ok(landing().complete(before->name));
      const auto at = landing().position() ? std::stoull(landing().position()->position, nullptr, 16) / 16 + 1 : 20;
      commit(at, changes_of(before, at, {{"update", {{"id", "2"}}}}));
      connector::SchemaChange change;
      change.before = before;
      auto after = std::make_shared<connector::ChangeTable>(*before);
      after->columns.push_back(column("v", type.plan.kind, type.plan));
      change.after = after;
      const auto text = rows("SELECT (" + value + ")::" + type.type + "::VARCHAR")[0];
      change.added = {{after->columns.back(), text == "-" ? "" : text}};
      const auto applied = try_commit(at + 1, [&] {
        std::vector<connector::Change> all;
        all.emplace_back(std::move(change));
        return all;
      }());
      ASSERT_TRUE(applied) << type.type << " " << applied.error().to_string();
      const auto expected =
          rows("SELECT typeof(v) || hash(v)::VARCHAR FROM (SELECT (" + value + ")::" + type.type + " AS v)");
      const auto found = copy_view_sql("pg", *after, CopyView::current);
      EXPECT_THAT(rows("SELECT DISTINCT typeof(v) || hash(v)::VARCHAR FROM (" + found + ")"), expected)
          << type.type << " " << value;
      fold();
      EXPECT_THAT(rows("SELECT DISTINCT typeof(v) || hash(v)::VARCHAR FROM (" + found + ")"), expected)
          << type.type << " " << value << " folded";
    }
  }
}

struct Widening {
  plan::Type from, to;
  std::string value;
};

TEST_F(LandingTypesTest, WidensWithoutLosingAValue) {
  const std::vector<Widening> all = {
      {of(Kind::int16), of(Kind::int32), "-32768"},
      {of(Kind::int16), of(Kind::int64), "-32768"},
      {of(Kind::int32), of(Kind::int64), "2147483647"},
      {of(Kind::uint32), of(Kind::int64), "4294967295"},
      {{Kind::decimal, 10, 2, {}}, {Kind::decimal, 20, 2, {}}, "-99999999.99"},
      {{Kind::decimal, 10, 2, {}}, {Kind::decimal, 22, 4, {}}, "-99999999.99"},
      {{Kind::decimal, 4, 1, {}}, {Kind::decimal, 38, 10, {}}, "-999.9"},
      {of(Kind::int32), {Kind::decimal, 12, 2, {}}, "-2147483648"},
      {of(Kind::int64), {Kind::decimal, 38, 10, {}}, "9223372036854775807"},
  };
  EXPECT_FALSE(can_widen(of(Kind::float32), of(Kind::float64)));
  int number = 0;
  for (const auto& widening : all) {
    const auto label = plan::to_string(widening.from) + " to " + plan::to_string(widening.to);
    const auto name = "w" + std::to_string(++number);
    const auto before =
        table_of(name, {column("id", Kind::int64), column("v", widening.from.kind, widening.from)}, {"id"});
    EXPECT_TRUE(can_widen(widening.from, widening.to)) << label;
    ok(landing().prepare(before));
    ok(landing().snapshot_begins(before->name, position_of(10), {}));
    ASSERT_TRUE(landing().load(
        before->name, "(SELECT 1::BIGINT AS id, ('" + widening.value + "')::" + stored_type(widening.from) + " AS v)",
        {}));
    ok(landing().complete(before->name));
    connector::SchemaChange change;
    change.before = before;
    auto after = std::make_shared<connector::ChangeTable>(*before);
    after->columns[1] = column("v", widening.to.kind, widening.to);
    change.widened = {after->columns[1]};
    change.after = after;
    std::vector<connector::Change> changes;
    changes.emplace_back(std::move(change));
    const auto done = try_commit(static_cast<uint64_t>(20 + number), std::move(changes));
    ASSERT_TRUE(done) << label << " " << done.error().to_string();
    const auto expected =
        "(('" + widening.value + "')::" + stored_type(widening.from) + ")::" + stored_type(widening.to);
    EXPECT_THAT(contents(name, "v = " + expected + " AND typeof(v) = typeof(" + expected + ")"), ElementsAre("true"))
        << label;
    // Filters must find it too: the file's statistics are of the old type.
    EXPECT_THAT(rows("SELECT count(*) FROM weir.\"pg.public\"." + name + " WHERE v = " + expected), ElementsAre("1"))
        << label;
  }
}

}  // namespace
}  // namespace weir::sync
