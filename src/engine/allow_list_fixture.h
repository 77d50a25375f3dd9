/// An engine with things in it that not everybody may touch.
#pragma once

#include "engine/engine_test_fixture.h"

namespace weir::engine::testing {

class AllowListTest : public EngineTest {
 protected:
  void SetUp() override {
    options_.allow_dirs = {root_ / "files"};
    write_file("people.csv", "id,name\n1,Ada\n2,Bo\n");
    open();
    rows("CREATE TABLE t AS SELECT 1 AS a, 'x' AS b");
    rows("CREATE SCHEMA sales");
    rows("CREATE TABLE sales.orders AS SELECT 7 AS id");
    rows("CREATE VIEW sales.all_orders AS SELECT * FROM sales.orders");
    rows("CREATE VIEW crossing AS SELECT * FROM sales.orders");
    rows("CREATE VIEW of_file AS SELECT * FROM read_csv('" + file("people.csv").string() + "')");
  }

  void as(Role role, std::vector<std::string> schemas = {}) { principal_ = {"somebody", role, std::move(schemas)}; }
  void expect_refused(const std::string& sql) {
    EXPECT_THAT(ask(sql).code(), ::testing::AnyOf("statement_not_allowed", "not_available_yet")) << sql;
  }
  std::string quoted(const std::string& name) const { return "'" + file(name).string() + "'"; }
};

}  // namespace weir::engine::testing
