/// Attempts of tokens that are confined to schemas.
#include "engine/allow_list_fixture.h"

namespace weir::engine {
namespace {

using AllowListConfinedTest = testing::AllowListTest;

TEST_F(AllowListConfinedTest, a_confined_token_keeps_to_its_schemas) {
  as(Role::write, {"sales"});
  for (const char* sql :
       {"SELECT * FROM sales.orders", "SELECT * FROM weir.sales.all_orders", "DESCRIBE sales.orders",
        "INSERT INTO sales.orders VALUES (8)", "CREATE TABLE sales.more AS SELECT * FROM sales.orders",
        "USE sales; SELECT * FROM orders", "SELECT * FROM kyma_connector_health"}) {
    auto answer = ask(sql);
    EXPECT_TRUE(answer.ok) << sql << ": " << answer.error.to_string();
  }
  for (const char* sql : {"SELECT * FROM t",
                          "SELECT * FROM weir.main.t",
                          "SELECT * FROM crossing",
                          "DESCRIBE t",
                          "SELECT * FROM shop.public.users",
                          "SELECT * FROM live(shop.public.users)",
                          "SHOW TABLES",
                          "SELECT * FROM information_schema.tables",
                          "SELECT * FROM duckdb_columns()",
                          "SHOW ALL TABLES",
                          "PRAGMA table_info('t')",
                          "SELECT * FROM pragma_table_info('t')",
                          "SELECT * FROM weir_snapshots",
                          "INSERT INTO t VALUES (1, 'x')",
                          "INSERT INTO sales.orders SELECT a FROM t",
                          "DROP TABLE t",
                          "CREATE TABLE t2 (a INT)",
                          "CREATE VIEW v2 AS SELECT 1",
                          "CREATE SCHEMA other",
                          "DROP SCHEMA main",
                          "ALTER TABLE t RENAME TO x",
                          "CREATE VIEW sales.v AS SELECT * FROM t",
                          "UPDATE t SET a = 1",
                          "DELETE FROM t",
                          "SELECT * FROM sales.orders WHERE id IN (SELECT a FROM t)",
                          "SELECT (SELECT max(a) FROM t)",
                          "FROM t AT (VERSION => 1)",
                          "SUMMARIZE t",
                          "EXPLAIN SELECT * FROM t"}) {
    expect_refused(sql);
  }
  as(Role::read, {"shop"});
  EXPECT_EQ(ask("SELECT * FROM shop.public.users").code(), "ok");
  expect_refused("SELECT * FROM sales.orders");
}

TEST_F(AllowListConfinedTest, a_confined_token_learns_no_name_from_a_mistake) {
  as(Role::read, {"sales"});
  auto error = error_of("SELECT * FROM sales.order");
  EXPECT_EQ(error.code, ErrorCode::table_not_found);
  EXPECT_EQ(error.hint, "");
}

TEST_F(AllowListConfinedTest, a_confined_token_sees_only_its_own_connectors) {
  as(Role::read, {"sales"});
  EXPECT_EQ(rows("SELECT * FROM weir_connectors"), std::vector<std::string>{});
  as(Role::read, {"shop"});
  EXPECT_EQ(rows("SELECT name FROM weir_connectors"), std::vector<std::string>{"shop"});
}

}  // namespace
}  // namespace weir::engine
