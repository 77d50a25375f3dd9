#include "engine/system_tables.h"

#include "engine/engine_test_fixture.h"

namespace weir::engine {
namespace {

using Texts = std::vector<std::string>;
using ::testing::HasSubstr;
using ::testing::SizeIs;

class SystemTablesTest : public testing::EngineTest {};

TEST_F(SystemTablesTest, health_has_the_columns_of_the_seed) {
  auto answer = ask("SELECT * FROM kyma_connector_health");
  Texts names;
  for (const auto& column : answer.columns) names.push_back(column.name + " " + column.type);
  EXPECT_EQ(names, (Texts{"connector_id VARCHAR", "connector_name VARCHAR", "type VARCHAR", "mode VARCHAR",
                          "phase VARCHAR", "lag_seconds DOUBLE", "events_per_sec DOUBLE", "pool_in_use INTEGER",
                          "pool_max INTEGER", "last_error VARCHAR", "last_event_at TIMESTAMP WITH TIME ZONE",
                          "timestamp TIMESTAMP WITH TIME ZONE", "source_table VARCHAR"}));
  EXPECT_THAT(answer.rows, SizeIs(1));
}

TEST_F(SystemTablesTest, health_is_asked_anew_by_every_query) {
  EXPECT_EQ(rows("SELECT connector_name, mode FROM kyma_connector_health WHERE lag_seconds IS NULL"),
            Texts{"shop|federation"});
  ASSERT_TRUE(fleet_->pause("shop", connector::Scope::all));
  EXPECT_EQ(rows("SELECT phase FROM kyma_connector_health"), Texts{"paused"});
}

TEST_F(SystemTablesTest, names_resolve_bare_and_after_use) {
  EXPECT_EQ(rows("SELECT count(*) FROM weir_connectors"), Texts{"1"});
  EXPECT_EQ(rows("CREATE SCHEMA s; USE s; SELECT count(*) FROM weir_connectors"), Texts{"1"});
}

TEST_F(SystemTablesTest, connectors_show_no_body) {
  auto answer = ask("SELECT * FROM weir_connectors");
  EXPECT_THAT(answer.columns, SizeIs(5));
  EXPECT_THAT(answer.rows.at(0), HasSubstr("|shop|test|federation|"));
}

TEST_F(SystemTablesTest, a_confined_token_sees_its_connectors_in_any_letter_case) {
  principal_ = {"reader", Role::read, {"SHOP"}};
  EXPECT_EQ(rows("SELECT connector_name FROM kyma_connector_health"), Texts{"shop"});
  EXPECT_EQ(rows("SELECT name FROM weir_connectors"), Texts{"shop"});
  principal_.schemas = {"other"};
  EXPECT_THAT(rows("SELECT name FROM weir_connectors"), SizeIs(0));
}

TEST_F(SystemTablesTest, queries_show_themselves_and_the_finished) {
  rows("SELECT 'before'");
  auto seen = rows("SELECT state, text FROM weir_queries");
  ASSERT_THAT(seen, SizeIs(2));
  EXPECT_THAT(seen[0], HasSubstr("running|SELECT state"));
  EXPECT_EQ(seen[1], "done|SELECT 'before'");
}

TEST_F(SystemTablesTest, a_reader_sees_its_own_queries) {
  rows("SELECT 'of the admin'");
  principal_ = {"reader", Role::read, {}};
  EXPECT_EQ(rows("SELECT principal FROM weir_queries"), Texts{"reader"});
}

TEST_F(SystemTablesTest, snapshots_are_those_of_the_lake) {
  auto before = rows("SELECT count(*) FROM weir_snapshots");
  rows("CREATE TABLE a (i INT)");
  EXPECT_NE(rows("SELECT count(*) FROM weir_snapshots"), before);
}

TEST_F(SystemTablesTest, catalog_schema_lists_lake_and_connectors) {
  rows("CREATE TABLE a (i INTEGER, t VARCHAR); CREATE VIEW v AS SELECT i FROM a");
  auto schema = engine_->catalog_schema(principal_).value();
  std::map<std::string, nlohmann::json> catalogs;
  for (const auto& catalog : schema["catalogs"]) catalogs[catalog["name"]] = catalog;
  ASSERT_THAT(catalogs, SizeIs(2));
  EXPECT_EQ(catalogs["weir"]["kind"], "lake");
  auto tables = catalogs["weir"]["schemas"][0]["tables"];
  ASSERT_EQ(tables.size(), 2u) << tables;
  EXPECT_EQ(catalogs["shop"]["kind"], "connector");
  EXPECT_EQ(catalogs["shop"]["schemas"][0]["name"], "public");
  auto columns = catalogs["shop"]["schemas"][0]["tables"][0]["columns"];
  EXPECT_EQ(columns[0]["name"], "id");
  EXPECT_EQ(columns[0]["type"], "BIGINT");
}

TEST_F(SystemTablesTest, catalog_schema_says_which_source_cannot_be_asked) {
  source_->break_with({ErrorCode::source_unreachable, "cannot reach it", {}, "shop"});
  const nlohmann::json schema = engine_->catalog_schema(principal_).value();
  for (const auto& catalog : schema["catalogs"]) {
    EXPECT_EQ(catalog.contains("error"), catalog["name"] == "shop") << catalog;
  }
}

TEST_F(SystemTablesTest, catalog_schema_keeps_to_what_a_token_may_see) {
  rows("CREATE SCHEMA sales");
  auto schema = engine_->catalog_schema({"x", Role::read, {"sales"}}).value();
  ASSERT_EQ(schema["catalogs"].size(), 1u);
  ASSERT_EQ(schema["catalogs"][0]["schemas"].size(), 1u);
  EXPECT_EQ(schema["catalogs"][0]["schemas"][0]["name"], "sales");
}

}  // namespace
}  // namespace weir::engine
