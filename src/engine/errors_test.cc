/// Which code, words and hint each mistake gets, asked through the whole engine.
#include "engine/errors.h"

#include <cerrno>

#include "engine/engine_test_fixture.h"

namespace weir::engine {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class ErrorsTest : public testing::EngineTest {
 protected:
  void SetUp() override {
    open();
    rows("CREATE TABLE orders (id INTEGER, email VARCHAR, total DECIMAL(10,2))");
    rows("INSERT INTO orders VALUES (1, 'ada', 12.5)");
  }
};

TEST(PlaceIn, counts_lines_and_characters_from_one) {
  EXPECT_EQ(place_in("SELECT * FORM t", 9), "line 1, column 10: SELECT * FORM t");
  EXPECT_EQ(place_in("SELECT\n  'ö', x\nFROM t", 16), "line 2, column 9:   'ö', x");
  EXPECT_EQ(place_in("SELECT", 99), "line 1, column 7: SELECT");
}

TEST(ToError, takes_a_full_disk_from_any_exception) {
  duckdb::IOException thrown("Could not write file \"/x/y\": No space left on device");
  EXPECT_EQ(to_error(thrown).code, ErrorCode::disk_full);
}

TEST(ToError, takes_a_conflict_of_commits) {
  duckdb::TransactionException thrown("Failed to commit: Transaction conflict - attempting to insert into table");
  EXPECT_EQ(to_error(thrown).code, ErrorCode::commit_conflict);
}

TEST(ToError, shows_no_stack_trace_and_no_path_of_a_defect) {
  duckdb::InternalException thrown("Attempted to dereference NULL in /build/src/common/x.cpp:42");
  auto error = to_error(thrown);
  EXPECT_EQ(error.code, ErrorCode::internal);
  EXPECT_THAT(error.message, Not(HasSubstr("x.cpp")));
  EXPECT_THAT(error.message, Not(HasSubstr("Stack Trace")));
}

TEST(ToError, takes_an_exception_that_is_not_duckdbs) {
  EXPECT_EQ(to_error(std::bad_alloc()).code, ErrorCode::out_of_memory);
  EXPECT_EQ(to_error(std::runtime_error("odd")).code, ErrorCode::internal);
}

TEST_F(ErrorsTest, syntax_error_has_its_position) {
  auto error = error_of("SELECT 1;\nSELECT * FORM orders");
  EXPECT_EQ(error.code, ErrorCode::syntax_error);
  EXPECT_EQ(error.message, "syntax error at or near \"orders\" (line 2, column 15: SELECT * FORM orders)");
  EXPECT_EQ(error_of("SELECT (").code, ErrorCode::syntax_error);
}

TEST_F(ErrorsTest, unknown_table_offers_the_nearest) {
  auto error = error_of("SELECT * FROM order");
  EXPECT_EQ(error.code, ErrorCode::syntax_error);  // a keyword
  error = error_of("SELECT * FROM ordres");
  EXPECT_EQ(error.code, ErrorCode::table_not_found);
  EXPECT_THAT(error.message, HasSubstr("no table named ordres (line 1, column 15"));
  EXPECT_EQ(error.hint, "did you mean 'orders'?");
}

TEST_F(ErrorsTest, unknown_remote_table_offers_the_nearest) {
  auto error = error_of("SELECT * FROM shop.public.user");
  EXPECT_EQ(error.code, ErrorCode::table_not_found);
  EXPECT_THAT(error.hint, HasSubstr("users"));
}

TEST_F(ErrorsTest, unknown_column_offers_the_nearest) {
  auto error = error_of("SELECT emial FROM orders");
  EXPECT_EQ(error.code, ErrorCode::column_not_found);
  EXPECT_THAT(error.message, HasSubstr("no column emial (line 1, column 8"));
  EXPECT_EQ(error.hint, "did you mean 'email'?");
  error = error_of("SELECT o.emial FROM orders o");
  EXPECT_EQ(error.code, ErrorCode::column_not_found);
  EXPECT_EQ(error.hint, "did you mean 'email'?");
  EXPECT_THAT(error_of("SELECT nothing").message, HasSubstr("the query has no FROM"));
}

TEST_F(ErrorsTest, unknown_schema_and_connector) {
  EXPECT_EQ(error_of("SELECT * FROM nowhere.public.users").code, ErrorCode::schema_not_found);
  EXPECT_EQ(error_of("SELECT * FROM nowhere.orders").code, ErrorCode::schema_not_found);
  EXPECT_EQ(error_of("SELECT * FROM shop.nowhere.users").code, ErrorCode::schema_not_found);
  EXPECT_EQ(error_of("CREATE TABLE nowhere.x (a INT)").code, ErrorCode::schema_not_found);
}

TEST_F(ErrorsTest, unknown_connector_offers_the_nearest_that_may_be_seen) {
  EXPECT_EQ(error_of("SELECT * FROM shpo.public.users").hint, "did you mean 'shop'?");
  EXPECT_EQ(error_of("SELECT * FROM shpo.users").hint, "did you mean 'shop'?");
  EXPECT_EQ(error_of("SELECT * FROM wier.main.orders").hint, "did you mean 'weir'?");
  EXPECT_EQ(error_of("SELECT * FROM nowhere.public.users").hint, "");
  principal_ = {.name = "confined", .role = Role::read, .schemas = {"main"}};
  EXPECT_EQ(error_of("SELECT * FROM shpo.public.users").hint, "");
  principal_.schemas = {"SHOP"};
  EXPECT_EQ(error_of("SELECT * FROM shpo.public.users").hint, "did you mean 'shop'?");
}

TEST_F(ErrorsTest, what_does_not_fit_is_invalid) {
  EXPECT_EQ(error_of("SELECT nofunc(1)").code, ErrorCode::invalid_query);
  EXPECT_EQ(error_of("SELECT email + 1 FROM orders").code, ErrorCode::invalid_query);
  EXPECT_THAT(error_of("SELECT email + 1 FROM orders").message, Not(HasSubstr("Candidate")));
  EXPECT_EQ(error_of("SELECT sum(id), email FROM orders").code, ErrorCode::invalid_query);
  EXPECT_EQ(error_of("").code, ErrorCode::invalid_query);
  EXPECT_EQ(error_of(" -- nothing").code, ErrorCode::invalid_query);
}

TEST_F(ErrorsTest, what_a_value_breaks_has_failed) {
  EXPECT_EQ(error_of("SELECT email::INTEGER FROM orders").code, ErrorCode::query_failed);
  EXPECT_EQ(error_of("SELECT (id + 2147483646)::INTEGER + 1 + 1 FROM orders").code, ErrorCode::query_failed);
  EXPECT_EQ(error_of("SELECT error('no')").code, ErrorCode::query_failed);
}

TEST_F(ErrorsTest, no_value_decides_the_code) {
  rows("CREATE TABLE numbers (n BIGINT)");
  for (const char* value : {"version mismatch", "Conflict on", "No space left on device", "already exists",
                            "Failed to commit: conflict", "file system operations are disabled", "has been invalidated",
                            "Catalog \"x\" does not exist", "does not have a column named \"a\" \"b\""}) {
    const std::string cast = "'" + std::string(value) + "'::BIGINT";
    EXPECT_EQ(error_of("SELECT " + cast).code, ErrorCode::query_failed) << value;
    EXPECT_EQ(error_of("INSERT INTO numbers SELECT " + cast).code, ErrorCode::query_failed) << value;
    EXPECT_EQ(error_of("SELECT error('" + std::string(value) + "')").code, ErrorCode::query_failed) << value;
  }
}

TEST_F(ErrorsTest, existing_names) {
  EXPECT_EQ(error_of("CREATE TABLE orders (id INT)").code, ErrorCode::already_exists);
  EXPECT_EQ(error_of("CREATE SCHEMA main").code, ErrorCode::already_exists);
  EXPECT_EQ(error_of("DROP TABLE nothing").code, ErrorCode::table_not_found);
  EXPECT_TRUE(ask("DROP TABLE IF EXISTS nothing").ok);
}

TEST_F(ErrorsTest, a_source_keeps_its_own_code) {
  source_->break_with({ErrorCode::source_unreachable, "cannot reach the source", "Check host and port.", "shop"});
  auto error = error_of("SELECT * FROM shop.public.users");
  EXPECT_EQ(error.code, ErrorCode::source_unreachable);
  EXPECT_EQ(error.source, "shop");
  EXPECT_EQ(rows("SELECT 1"), std::vector<std::string>{"1"});
}

TEST_F(ErrorsTest, a_source_that_fails_in_mid_scan_keeps_its_own_code) {
  auto table = testing::users_table(1);
  table.info.name = {"public", "breaking"};
  table.script = [](testing::TestStream& stream, const std::stop_token&) {
    stream.fail_with({ErrorCode::source_connection_lost, "the source closed the connection", {}, "shop"});
  };
  source_->put(std::move(table));
  EXPECT_EQ(error_of("SELECT * FROM shop.public.breaking").code, ErrorCode::source_connection_lost);
}

TEST_F(ErrorsTest, memory_runs_out_with_a_code) {
  options_.memory_limit_bytes = 32u << 20;
  open();
  auto error = error_of("SELECT list(i) FROM range(100000000) r(i)");
  EXPECT_EQ(error.code, ErrorCode::out_of_memory) << error.to_string();
  EXPECT_EQ(rows("SELECT 1"), std::vector<std::string>{"1"});
}

}  // namespace
}  // namespace weir::engine
