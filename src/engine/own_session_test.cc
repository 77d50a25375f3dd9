/// Sessions of Weir's own: snapshots of sources, and Arrow rows shown as views.
#include <thread>

#include "batch/column_builder.h"
#include "batch/schema.h"
#include "engine/duck_session.h"
#include "engine/engine_test_fixture.h"
#include "engine/remote_test_database.h"

namespace weir::engine {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class OwnSessionTest : public testing::EngineTest {
 protected:
  void SetUp() override {
    open();
    session_ = engine_->open_session().value();
  }
  void TearDown() override { session_.reset(); }

  std::vector<std::string> first_column(const std::string& sql) {
    auto answer = session_->rows(sql);
    EXPECT_TRUE(answer) << sql << ": " << answer.error().to_string();
    std::vector<std::string> values;
    for (const auto& row : answer.value_or(std::vector<std::vector<std::string>>{})) values.push_back(row[0]);
    return values;
  }
  static std::pair<batch::OwnedSchema, batch::OwnedArray> numbers(std::vector<int64_t> values) {
    auto column = batch::ColumnBuilder::fixed(8);
    for (const auto value : values) column.append(value);
    std::vector<batch::OwnedArray> columns;
    columns.push_back(column.finish());
    std::vector<batch::OwnedSchema> fields;
    fields.push_back(batch::make_schema("l", "n", true));
    return {batch::make_schema("+s", "", false, std::move(fields)),
            batch::make_struct(std::move(columns), static_cast<int64_t>(values.size()))};
  }

  std::unique_ptr<lake::SqlSession> session_;
};

TEST_F(OwnSessionTest, loads_a_snapshot_of_a_source_into_the_lake) {
  ASSERT_TRUE(
      session_->run("CREATE TABLE copy AS SELECT * FROM weir_snapshot('shop', 'public', 'users', 'snap-1') LIMIT 0"));
  EXPECT_EQ(
      session_->change("INSERT INTO copy SELECT * FROM weir_snapshot('shop', 'public', 'users', 'snap-2')").value(),
      4u);
  EXPECT_THAT(first_column("SELECT name FROM copy WHERE id > 1 ORDER BY id"), ElementsAre("name 2", "name 3"));
  EXPECT_THAT(source_->snapshots(), ::testing::Contains("snap-2"));
  EXPECT_TRUE(source_->expected_reads().empty());
}

TEST_F(OwnSessionTest, says_what_the_source_said) {
  source_->break_with({ErrorCode::source_unreachable, "no route to shop", {}, {}});
  const auto answer = session_->rows("SELECT * FROM weir_snapshot('shop', 'public', 'users', 's')");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::source_unreachable);
  EXPECT_EQ(session_->rows("SELECT * FROM weir_snapshot('none', 'public', 'users', 's')").error().code,
            ErrorCode::connector_not_found);
}

TEST_F(OwnSessionTest, users_have_no_snapshots_and_no_shown_rows) {
  EXPECT_THAT(error_of("SELECT * FROM weir_snapshot('shop', 'public', 'users', 's')").code,
              ErrorCode::statement_not_allowed);
  EXPECT_FALSE(ask("SELECT * FROM weir_shown_rows(1::POINTER)").ok);
  EXPECT_FALSE(ask("SELECT * FROM weir_shown_rows('1')").ok);
}

TEST_F(OwnSessionTest, shows_rows_where_they_are_and_others_in_their_place) {
  const auto first = numbers({1, 2, 3}), second = numbers({40});
  ASSERT_TRUE(session_->show("batch", first.first, first.second));
  EXPECT_THAT(first_column("SELECT sum(n) FROM batch"), ElementsAre("6"));
  EXPECT_THAT(first_column("SELECT count(*) FROM batch"), ElementsAre("3"));
  ASSERT_TRUE(session_->show("batch", second.first, second.second));
  EXPECT_THAT(first_column("SELECT n FROM batch"), ElementsAre("40"));
  EXPECT_EQ(session_->change("CREATE TABLE kept AS SELECT n FROM batch").value(), 1u);
}

TEST_F(OwnSessionTest, shows_rows_of_another_shape_and_after_a_rollback) {
  const auto first = numbers({1});
  ASSERT_TRUE(session_->run("BEGIN"));
  ASSERT_TRUE(session_->show("batch", first.first, first.second));
  ASSERT_TRUE(session_->run("ROLLBACK"));
  ASSERT_TRUE(session_->show("batch", first.first, first.second));
  EXPECT_THAT(first_column("SELECT n FROM batch"), ElementsAre("1"));
  auto text = batch::ColumnBuilder::bytes();
  text.append_bytes("x", 1);
  std::vector<batch::OwnedArray> columns;
  columns.push_back(text.finish());
  std::vector<batch::OwnedSchema> fields;
  fields.push_back(batch::make_schema("u", "t", true));
  const auto schema = batch::make_schema("+s", "", false, std::move(fields));
  const auto rows = batch::make_struct(std::move(columns), 1);
  ASSERT_TRUE(session_->show("batch", schema, rows));
  EXPECT_THAT(first_column("SELECT t FROM batch"), ElementsAre("x"));
}

TEST_F(OwnSessionTest, shows_many_rows_to_all_threads_once_each) {
  std::vector<int64_t> values(100'000);
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<int64_t>(i);
  const auto rows = numbers(values);
  ASSERT_TRUE(session_->show("batch", rows.first, rows.second));
  EXPECT_THAT(first_column("SELECT count(*) || ' ' || count(DISTINCT n) || ' ' || sum(n) FROM batch"),
              ElementsAre("100000 100000 4999950000"));
}

TEST_F(OwnSessionTest, can_be_interrupted) {
  std::jthread interrupter([&](std::stop_token stop) {
    while (!stop.stop_requested()) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      session_->interrupt();
    }
  });
  const auto answer =
      session_->rows("SELECT count(*) FROM range(100000000) a, range(100000) b WHERE (a.range + b.range) % 7 = 3");
  interrupter.request_stop();
  interrupter.join();
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::cancelled);
}

/// What belongs to a live copy is read as the lake is, and written by nobody.
TEST_F(OwnSessionTest, users_read_copies_and_write_none) {
  for (const char* sql :
       {"CREATE SCHEMA weir.\"shop.public\"", "CREATE TABLE weir.\"shop.public\".t AS SELECT 1 AS a",
        "CREATE SCHEMA __weir_hot.\"shop.public\"", "CREATE TABLE __weir_hot.\"shop.public\".t AS SELECT 2 AS a",
        "CREATE TABLE __weir_hot.main.weir_position AS SELECT 'secret' AS owner"}) {
    ASSERT_TRUE(session_->run(sql)) << sql;
  }
  const std::string both =
      "SELECT a FROM weir.\"shop.public\".t UNION ALL SELECT a FROM __weir_hot.\"shop.public\".t ORDER BY a";
  for (const auto& schemas : {std::vector<std::string>{}, {"shop"}, {"shop.public"}}) {
    principal_ = {"somebody", Role::read, schemas};
    EXPECT_THAT(rows(both), ElementsAre("1", "2"));
  }
  principal_ = {"somebody", Role::read, {"other"}};
  EXPECT_EQ(error_of("SELECT * FROM weir.\"shop.public\".t").code, ErrorCode::statement_not_allowed);
  EXPECT_EQ(error_of("SELECT * FROM __weir_hot.\"shop.public\".t").code, ErrorCode::statement_not_allowed);
  principal_ = {"somebody", Role::write, {}};
  EXPECT_EQ(error_of("SELECT * FROM __weir_hot.main.weir_position").code, ErrorCode::statement_not_allowed);
  for (const auto role : {Role::write, Role::admin}) {
    principal_ = {"somebody", role, {}};
    for (const char* sql :
         {"INSERT INTO weir.\"shop.public\".t VALUES (3)", "DELETE FROM weir.\"shop.public\".t",
          "UPDATE weir.\"shop.public\".t SET a = 3", "DROP TABLE weir.\"shop.public\".t",
          "ALTER TABLE weir.\"shop.public\".t ADD COLUMN b INTEGER", "DROP SCHEMA weir.\"shop.public\" CASCADE",
          "CREATE SCHEMA weir.\"shop.more\"", "CREATE TABLE weir.\"shop.public\".u AS SELECT 1 AS a",
          "CREATE VIEW weir.\"shop.public\".v AS SELECT 1 AS a", "INSERT INTO __weir_hot.\"shop.public\".t VALUES (3)",
          "DELETE FROM __weir_hot.\"shop.public\".t", "DROP TABLE __weir_hot.\"shop.public\".t",
          "CREATE TABLE __weir_hot.main.t AS SELECT 1 AS a", "UPDATE __weir_hot.main.weir_position SET owner = 'me'"}) {
      const auto error = error_of(sql);
      EXPECT_EQ(error.code, ErrorCode::statement_not_allowed) << sql << error.message;
    }
  }
  EXPECT_THAT(error_of("DELETE FROM weir.\"shop.public\".t").message, HasSubstr("live copy of connector shop"));
  EXPECT_THAT(rows(both), ElementsAre("1", "2"));
}

TEST_F(OwnSessionTest, the_catalog_does_not_list_the_hot_database) {
  const auto schema = engine_->catalog_schema({}).value();
  for (const auto& catalog : schema["catalogs"]) EXPECT_NE(catalog["name"], "__weir_hot");
}

}  // namespace
}  // namespace weir::engine
