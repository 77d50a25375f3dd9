/// What introspection sees of a live server.
#include <algorithm>

#include <gtest/gtest.h>

#include "connectors/postgres/source_fixture.h"

namespace weir::postgres {
namespace {

class PostgresIntrospectionTest : public SourceTest {
 protected:
  connector::TableInfo table(connector::Source& source, const std::string& name) {
    const auto schema = source.schema(true);
    EXPECT_TRUE(schema) << schema.error().to_string();
    const auto found = (*schema)->tables.find({schema_, name});
    EXPECT_NE(found, (*schema)->tables.end()) << name;
    return found == (*schema)->tables.end() ? connector::TableInfo{} : found->second;
  }
  static std::vector<std::string> names(const connector::TableInfo& table) {
    std::vector<std::string> names;
    for (const auto& column : table.columns) names.push_back(column.name);
    return names;
  }
};

TEST_F(PostgresIntrospectionTest, SeesColumnsTypesAndNullability) {
  witness_->run("CREATE DOMAIN " + schema_ + ".price AS numeric(12,2); CREATE TABLE " + schema_ +
                ".t (id int8 NOT NULL, \"Gone\" int4, total " + schema_ +
                ".price, note text, tags int4[]); ALTER TABLE " + schema_ + ".t DROP COLUMN \"Gone\"");
  const auto source = open();
  const auto info = table(*source, "t");
  EXPECT_EQ(names(info), (std::vector<std::string>{"id", "total", "note", "tags"}));
  EXPECT_EQ(info.columns[0].type.kind, plan::Kind::int64);
  EXPECT_FALSE(info.columns[0].nullable);
  EXPECT_EQ(plan::to_string(info.columns[1].type), "decimal(12,2)");
  EXPECT_EQ(info.columns[2].collation, plan::Collation::deterministic);
  EXPECT_EQ(info.columns[3].type.kind, plan::Kind::list);
}

TEST_F(PostgresIntrospectionTest, GivesThePrimaryKeyInKeyOrder) {
  witness_->run("CREATE TABLE " + schema_ + ".t (a int4, b int4, c int4, PRIMARY KEY (c, a)); CREATE TABLE " + schema_ +
                ".keyless (a int4)");
  const auto source = open();
  EXPECT_EQ(table(*source, "t").primary_key, (std::vector<std::string>{"c", "a"}));
  EXPECT_TRUE(table(*source, "keyless").primary_key.empty());
}

TEST_F(PostgresIntrospectionTest, SeesWhatTheServerHasCounted) {
  const auto name = schema_ + ".counted";
  witness_->run("CREATE TABLE " + name + " (id int4 PRIMARY KEY, region text, note text); INSERT INTO " + name +
                " SELECT i, 'r' || i % 4, CASE WHEN i % 2 = 0 THEN 'n' || i END FROM generate_series(1, 1000) i");
  const auto before = table(*open(), "counted");
  EXPECT_EQ(before.statistics.at(1).distinct_values, 0);
  witness_->run("ANALYZE " + name);
  const auto after = table(*open(), "counted").statistics;
  EXPECT_EQ(after.at(0).distinct_values, 1000);
  EXPECT_TRUE(after.at(0).leads_an_index);
  EXPECT_GT(after.at(0).correlation, 0.99);
  EXPECT_EQ(after.at(1).distinct_values, 4);
  EXPECT_FALSE(after.at(1).leads_an_index);
  EXPECT_EQ(after.at(2).null_share, 0.5);
}

TEST_F(PostgresIntrospectionTest, SeesEveryKindOfRelation) {
  witness_->run("CREATE TABLE " + schema_ + ".plain (a int4); CREATE VIEW " + schema_ + ".v AS SELECT * FROM " +
                schema_ + ".plain; CREATE MATERIALIZED VIEW " + schema_ + ".m AS SELECT * FROM " + schema_ +
                ".plain; CREATE TABLE " + schema_ + ".p (a int4) PARTITION BY LIST (a); CREATE INDEX i ON " + schema_ +
                ".plain (a); CREATE SEQUENCE " + schema_ + ".s; CREATE TYPE " + schema_ + ".c AS (a int4)");
  const auto schema = open()->schema(false);
  ASSERT_TRUE(schema);
  std::vector<std::string> found;
  for (const auto& [name, info] : (*schema)->tables) found.push_back(name.table);
  EXPECT_EQ(found, (std::vector<std::string>{"m", "p", "plain", "v"}));
}

TEST_F(PostgresIntrospectionTest, SumsPartitionsAndKnowsWhatNobodyCounted) {
  witness_->run("CREATE TABLE " + schema_ + ".p (a int4) PARTITION BY LIST (a); CREATE TABLE " + schema_ +
                ".p1 PARTITION OF " + schema_ + ".p FOR VALUES IN (1); CREATE TABLE " + schema_ + ".p2 PARTITION OF " +
                schema_ + ".p FOR VALUES IN (2); INSERT INTO " + schema_ +
                ".p SELECT 1 + i % 2 FROM generate_series(1, 1000) i; ANALYZE " + schema_ + ".p1; ANALYZE " + schema_ +
                ".p2; CREATE TABLE " + schema_ + ".fresh (a int4) WITH (autovacuum_enabled = off)");
  const auto source = open();
  EXPECT_EQ(table(*source, "p").estimated_rows, 1000u);
  EXPECT_GT(table(*source, "p").estimated_bytes, 0u);
  EXPECT_EQ(table(*source, "fresh").estimated_rows, 100'000u);
}

TEST_F(PostgresIntrospectionTest, ShowsOnlyWhatTheUserMaySelect) {
  const std::string role = "weir_reader_" + std::to_string(getpid());
  witness_->run("CREATE TABLE " + schema_ + ".open (id int8, name text, secret text); CREATE TABLE " + schema_ +
                ".closed (id int8); CREATE ROLE " + role + " LOGIN PASSWORD 'reader'; GRANT USAGE ON SCHEMA " +
                schema_ + " TO " + role + "; GRANT SELECT (id, name) ON " + schema_ + ".open TO " + role);
  std::string url = test_url();
  url = "postgres://" + role + ":reader" + url.substr(url.find('@'));
  {
    const auto source = open({{"url", url}});
    const auto schema = source->schema(false);
    ASSERT_TRUE(schema) << schema.error().to_string();
    ASSERT_EQ((*schema)->tables.size(), 1u);
    EXPECT_EQ(names((*schema)->tables.begin()->second), (std::vector<std::string>{"id", "name"}));
    const auto drained = drain(*read(*source, scan_of(*source, "open")));
    EXPECT_TRUE(drained) << drained.error().to_string();
  }
  witness_->run("DROP OWNED BY " + role + "; DROP ROLE " + role);
}

TEST_F(PostgresIntrospectionTest, DoesNotWaitForALockedTable) {
  make_table("t", 10);
  Witness locker;
  locker.run("BEGIN; LOCK TABLE " + schema_ + ".t IN ACCESS EXCLUSIVE MODE");
  EXPECT_EQ(table(*open(), "t").estimated_rows, 10u);
}

TEST_F(PostgresIntrospectionTest, IsCachedUntilAskedAnewOrForgotten) {
  const auto source = open();
  EXPECT_TRUE((*source->schema(false))->tables.empty());
  make_table("t", 10);
  EXPECT_TRUE((*source->schema(false))->tables.empty());
  EXPECT_EQ((*source->schema(true))->tables.size(), 1u);
  witness_->run("DROP TABLE " + schema_ + ".t");
  source->forget_schema();
  EXPECT_TRUE((*source->schema(false))->tables.empty());
}

TEST_F(PostgresIntrospectionTest, StrangeNamesComeThrough) {
  witness_->run("CREATE TABLE " + schema_ + ".\"we\"\"ird 'x' Ünï\" (\"select\" int8, \"a\"\"b\" text); INSERT INTO " +
                schema_ + ".\"we\"\"ird 'x' Ünï\" VALUES (5, 'y')");
  const auto source = open();
  for (const uint64_t estimated : {1u, 1'000'000u}) {
    plan::Scan scan = scan_of(*source, "we\"ird 'x' Ünï");
    scan.estimated_rows = estimated;
    const auto drained = drain(*read(*source, scan));
    ASSERT_TRUE(drained) << drained.error().to_string();
    EXPECT_EQ(drained->sum, 5);
  }
}

}  // namespace
}  // namespace weir::postgres
