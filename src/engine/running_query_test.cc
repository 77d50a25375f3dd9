/// Queries from text to rows: parameters, several statements, exact values, limits, cancelling, writes.
#include "engine/running_query.h"

#include <thread>

#include "engine/engine_test_fixture.h"

namespace weir::engine {
namespace {

using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using Texts = std::vector<std::string>;

class RunningQueryTest : public testing::EngineTest {
 protected:
  /// A table whose rows never come.
  void add_hanging_table() {
    auto table = testing::users_table(1);
    table.info.name = {"public", "hanging"};
    table.script = [](testing::TestStream& stream, const std::stop_token& stop) { stream.hang(stop); };
    source_->put(std::move(table));
  }
  std::string snapshot() { return rows("SELECT max(snapshot_id) FROM weir_snapshots").at(0); }
};

TEST_F(RunningQueryTest, answers_columns_and_rows) {
  auto answer = ask("SELECT 1 AS a, 'x' AS b, NULL::DATE AS c");
  ASSERT_TRUE(answer.ok);
  ASSERT_THAT(answer.columns, SizeIs(3));
  EXPECT_EQ(answer.columns[0].name, "a");
  EXPECT_EQ(answer.columns[0].type, "INTEGER");
  EXPECT_EQ(answer.columns[2].type, "DATE");
  EXPECT_EQ(answer.rows, Texts{"1|x|NULL"});
  EXPECT_EQ(answer.summary.row_count, 1u);
}

TEST_F(RunningQueryTest, takes_parameters_by_place_and_by_name) {
  EXPECT_EQ(ask("SELECT $1 + 1, $2", {41, "x"}).rows, Texts{"42|x"});
  EXPECT_EQ(ask("SELECT ?::VARCHAR || ?", {"a", "b"}).rows, Texts{"ab"});
  EXPECT_EQ(ask("SELECT $low <= 5, $name", {{"low", 5}, {"name", nullptr}}).rows, Texts{"true|NULL"});
  EXPECT_TRUE(ask("SELECT name FROM shop.public.users WHERE id = $1", nlohmann::json{2}).ok);
  EXPECT_THAT(source_->last_asked().filters, SizeIs(1));
  EXPECT_EQ(ask("SELECT DATE '2024-01-01' = $1", nlohmann::json{"2024-01-01"}).rows, Texts{"true"});
  EXPECT_EQ(ask("SELECT 3 IN (SELECT unnest($1))", nlohmann::json::array({{1, 2, 3}})).rows, Texts{"true"});
  EXPECT_EQ(ask("SELECT $1", nlohmann::json{18446744073709551615u}).rows, Texts{"18446744073709551615"});
}

TEST_F(RunningQueryTest, misses_a_parameter_by_name) {
  auto answer = ask("SELECT $1, $2", nlohmann::json{1});
  EXPECT_EQ(answer.code(), "invalid_query");
  EXPECT_EQ(answer.error.message, "the parameter has no value: $2");
  EXPECT_EQ(ask("SELECT 1", "text").code(), "invalid_request");
}

TEST_F(RunningQueryTest, runs_all_statements_and_answers_the_last) {
  EXPECT_EQ(rows("CREATE TABLE a (i INT); INSERT INTO a VALUES (1), (2); SELECT sum(i)::INT FROM a;"), Texts{"3"});
  EXPECT_EQ(rows("INSERT INTO a VALUES (3); INSERT INTO a VALUES (4), (5)"), Texts{"2"});
  EXPECT_EQ(rows("SELECT count(*) FROM a"), Texts{"5"});
  EXPECT_EQ(ask("SELECT 1; SELECT nothing; CREATE TABLE b (i INT)").code(), "column_not_found");
  EXPECT_EQ(ask("SELECT * FROM b").code(), "table_not_found");
}

TEST_F(RunningQueryTest, checks_all_statements_before_the_first_runs) {
  EXPECT_EQ(ask("CREATE TABLE a (i INT); ATTACH 'x'").code(), "statement_not_allowed");
  EXPECT_EQ(ask("SELECT * FROM a").code(), "table_not_found");
}

TEST_F(RunningQueryTest, pivots_without_a_list_of_values) {
  rows("CREATE TABLE a AS SELECT * FROM (VALUES ('x', 1), ('y', 2)) v(k, i)");
  EXPECT_EQ(rows("PIVOT a ON k USING sum(i)::INT"), Texts{"1|2"});
}

TEST_F(RunningQueryTest, keeps_every_value_exact) {
  auto answer = ask(
      R"(SELECT 99999999999999999999999999999999999999::HUGEINT AS h, sum(1) AS s, uuid '00112233-4455-6677-8899-aabbccddeeff' AS u,
                       '12:30:00+02'::TIMETZ AS tz, '101'::BIT AS b, '{"a": 1}'::JSON AS j, 'x'::ENUM('x', 'y') AS e,
                       INTERVAL '1 month 2 days 3.5 seconds' AS i, '12345678901234567890123456789012345678901234567890'::BIGNUM AS n,
                       union_value(num := 2) AS un, 1.25::DECIMAL(12,2) AS d, TIMESTAMP_NS '2024-01-01 00:00:00.123456789' AS ns)");
  ASSERT_TRUE(answer.ok) << answer.error.to_string();
  EXPECT_THAT(
      answer.rows[0],
      HasSubstr("99999999999999999999999999999999999999|1|00112233-4455-6677-8899-aabbccddeeff|12:30:00+02|101|"
                "{\"a\": 1}|x|1 month 2 days 00:00:03.5|12345678901234567890123456789012345678901234567890|2|1.25|"));
  EXPECT_THAT(answer.rows[0], HasSubstr("123456789"));
  EXPECT_THAT(answer.arrow_types,
              ElementsAre("decimal128(38, 0)", "decimal128(38, 0)", "string", "string", "string", "string", "string",
                          "string", "string", "string", "decimal128(12, 2)", "timestamp[ns]"));
  EXPECT_EQ(answer.columns[0].type, "HUGEINT");
  EXPECT_EQ(answer.columns[2].type, "UUID");
  EXPECT_EQ(answer.columns[5].type, "JSON");
  EXPECT_EQ(answer.columns[6].type, "ENUM('x', 'y')");
}

TEST_F(RunningQueryTest, keeps_nested_values_exact) {
  auto answer =
      ask("SELECT [1::HUGEINT, NULL] AS l, {'u': uuid '00112233-4455-6677-8899-aabbccddeeff', 'n': 1} AS s, "
          "MAP {'k': INTERVAL 1 DAY} AS m, ['x'::ENUM('x')] AS e, [1, 2]::INT[2] AS a");
  ASSERT_TRUE(answer.ok) << answer.error.to_string();
  EXPECT_THAT(answer.arrow_types, ElementsAre("list<l: decimal128(38, 0)>", "struct<u: string, n: int32>",
                                              "map<string, string>", "list<l: string>", "fixed_size_list<: int32>[2]"));
  EXPECT_THAT(answer.rows[0], HasSubstr("00112233-4455-6677-8899-aabbccddeeff"));
  EXPECT_THAT(answer.rows[0], HasSubstr("1 day"));
}

TEST_F(RunningQueryTest, carries_every_type_of_duckdb) {
  auto answer = ask("SELECT * EXCLUDE (hugeint, uhugeint) FROM test_all_types()");
  EXPECT_TRUE(answer.ok) << answer.error.to_string();
  EXPECT_THAT(answer.rows, SizeIs(3));
}

TEST_F(RunningQueryTest, refuses_a_hugeint_of_39_digits_by_name) {
  auto answer = ask("SELECT 170141183460469231731687303715884105727::HUGEINT AS big");
  EXPECT_EQ(answer.code(), "value_out_of_range");
  EXPECT_THAT(answer.error.message, HasSubstr("column big"));
  EXPECT_EQ(rows("SELECT 170141183460469231731687303715884105727::HUGEINT::VARCHAR"),
            Texts{"170141183460469231731687303715884105727"});
}

TEST_F(RunningQueryTest, sends_batches_of_at_most_16384_rows) {
  auto query = engine_->start(request("SELECT * FROM range(50000)")).value();
  int64_t total = 0;
  while (auto batch = query->next().value()) {
    EXPECT_LE((*batch)->length, 16384);
    total += (*batch)->length;
  }
  EXPECT_EQ(total, 50000);
  EXPECT_FALSE(query->next().value());
}

TEST_F(RunningQueryTest, ends_at_the_row_limit) {
  auto limited = request("SELECT * FROM range(5000)");
  limited.limits.rows_max = 3000;
  EXPECT_EQ(testing::read_all(engine_->start(limited)).code(), "row_limit_exceeded");
  limited.limits.partial_allowed = true;
  auto answer = testing::read_all(engine_->start(limited));
  EXPECT_TRUE(answer.ok);
  EXPECT_THAT(answer.rows, SizeIs(3000));
  EXPECT_TRUE(answer.summary.partial);
  limited.limits.rows_max = 5000;
  answer = testing::read_all(engine_->start(limited));
  EXPECT_THAT(answer.rows, SizeIs(5000));
  EXPECT_FALSE(answer.summary.partial);
}

TEST_F(RunningQueryTest, ends_at_the_time_limit_while_it_computes) {
  auto limited = request("SELECT count(*) FROM range(1000000) a, range(1000000) b WHERE a.range + b.range = -1");
  limited.limits.time_max = milliseconds(100);
  EXPECT_EQ(testing::read_all(engine_->start(limited)).code(), "timeout");
  EXPECT_EQ(rows("SELECT 1"), Texts{"1"});
}

TEST_F(RunningQueryTest, ends_at_the_time_limit_while_a_source_hangs) {
  add_hanging_table();
  for (const char* sql : {"SELECT * FROM shop.public.hanging", "SELECT count(*) FROM shop.public.hanging",
                          "SELECT count(*) FROM shop.public.hanging a JOIN range(5) b ON a.id = b.range",
                          "CREATE TABLE copy AS SELECT id FROM shop.public.hanging"}) {
    auto limited = request(sql);
    limited.limits.time_max = milliseconds(100);
    EXPECT_EQ(testing::read_all(engine_->start(limited)).code(), "timeout") << sql;
  }
  EXPECT_EQ(ask("SELECT * FROM copy").code(), "table_not_found");
}

TEST_F(RunningQueryTest, ends_at_the_time_limit_in_an_earlier_statement) {
  add_hanging_table();
  auto limited = request("SELECT * FROM shop.public.hanging; SELECT 1");
  limited.limits.time_max = milliseconds(100);
  EXPECT_EQ(testing::read_all(engine_->start(limited)).code(), "timeout");
}

TEST_F(RunningQueryTest, a_time_limit_beyond_the_clock_is_none) {
  auto limited = request("SELECT 1");
  for (auto limit : {milliseconds(9'300'000'000'000), milliseconds::max()}) {
    limited.limits.time_max = limit;
    EXPECT_EQ(testing::read_all(engine_->start(limited)).code(), "ok") << limit.count();
  }
}

TEST_F(RunningQueryTest, is_cancelled_while_an_earlier_statement_runs) {
  // Sooner and later: while it is parsed, bound, planned, and while it runs.
  for (int round = 0; round < 30; ++round) {
    std::stop_source gone;
    auto leaving = request("SELECT sum(range % 7) FROM range(30000000000); SELECT 1");
    leaving.stop = gone.get_token();
    std::jthread client([&] {
      while (engine_->queries().size() == static_cast<size_t>(round)) std::this_thread::yield();
      std::this_thread::sleep_for(std::chrono::microseconds(50 * round));
      gone.request_stop();
    });
    EXPECT_EQ(testing::read_all(engine_->start(leaving)).code(), "cancelled");
  }
}

TEST_F(RunningQueryTest, is_cancelled_by_somebody_who_was_gone_before) {
  std::stop_source gone;
  gone.request_stop();
  auto leaving = request("CREATE TABLE never (i INT)");
  leaving.stop = gone.get_token();
  EXPECT_EQ(testing::read_all(engine_->start(leaving)).code(), "cancelled");
  EXPECT_EQ(ask("SELECT * FROM never").code(), "table_not_found");
}

TEST_F(RunningQueryTest, repeats_no_text_that_holds_a_secret) {
  for (const char* sql :
       {"CREATE SECRET s (TYPE s3, KEY_ID 'A', SECRET 'hunter2')", "CREATE SECRET s (TYPE s3 SECRET 'hunter2')",
        "ATTACH 'postgres:key=hunter2' 'hunter2'", "CREATE SECRET s (SECRET 'hunter2"}) {
    auto answer = ask(sql);
    EXPECT_FALSE(answer.ok) << sql;
    EXPECT_EQ(answer.error.to_string().find("hunter2"), std::string::npos) << answer.error.to_string();
  }
  for (const auto& line : engine_->queries()) EXPECT_EQ(line.text.find("hunter2"), std::string::npos) << line.text;
}

TEST_F(RunningQueryTest, is_cancelled_from_another_thread) {
  add_hanging_table();
  auto query = engine_->start(request("SELECT * FROM shop.public.hanging")).value();
  std::jthread other([&] { EXPECT_TRUE(engine_->cancel(query->id())); });
  auto batch = query->next();
  ASSERT_FALSE(batch);
  EXPECT_EQ(batch.error().code, ErrorCode::cancelled);
  EXPECT_EQ(query->next().error().code, ErrorCode::cancelled);
  EXPECT_EQ(engine_->queries().at(0).state, "cancelled");
  EXPECT_EQ(engine_->cancel(query->id()).error().code, ErrorCode::query_not_found);
}

TEST_F(RunningQueryTest, is_cancelled_by_going_away) {
  add_hanging_table();
  engine_->start(request("SELECT * FROM shop.public.hanging")).value().reset();
  engine_->start(request("SELECT * FROM range(100000000000)")).value().reset();
  auto half_read = engine_->start(request("SELECT * FROM range(100000000000)")).value();
  EXPECT_TRUE(half_read->next().value());
  half_read.reset();
  auto lines = engine_->queries();
  ASSERT_THAT(lines, SizeIs(3));
  for (const auto& line : lines) EXPECT_EQ(line.state, "cancelled");
}

TEST_F(RunningQueryTest, says_what_the_scans_did) {
  auto answer = ask("SELECT name FROM shop.public.users WHERE id < 10");
  EXPECT_THAT(answer.rows, SizeIs(4));
  ASSERT_THAT(answer.summary.scans, SizeIs(1));
  EXPECT_EQ(answer.summary.scans[0].source, "shop");
  ASSERT_THAT(answer.summary.freshness, SizeIs(1));
  EXPECT_EQ(answer.summary.freshness[0].served, "live");
  nlohmann::json shown = answer.summary;
  EXPECT_EQ(shown["row_count"], 4);
  EXPECT_EQ(shown["pushdown_summary"].size(), 1u);
  EXPECT_GT(shown["stats"]["elapsed_ms"], 0);
  EXPECT_EQ(shown["freshness"][0]["snapshot_id"], nullptr);
}

TEST_F(RunningQueryTest, says_which_snapshot_of_the_lake_it_read) {
  rows("CREATE TABLE a AS SELECT 1 AS i");
  auto before = snapshot();
  auto freshness = ask("SELECT * FROM a JOIN a AS again USING (i)").summary.freshness;
  ASSERT_THAT(freshness, SizeIs(1));
  EXPECT_EQ(freshness[0].table, "weir.main.a");
  EXPECT_EQ(freshness[0].served, "lake");
  EXPECT_EQ(std::to_string(freshness[0].snapshot_id.value()), before);
  rows("INSERT INTO a VALUES (2)");
  auto old = ask("SELECT count(*) FROM a AT (VERSION => " + before + ")");
  EXPECT_EQ(old.rows, Texts{"1"});
  EXPECT_EQ(std::to_string(old.summary.freshness[0].snapshot_id.value()), before);
  EXPECT_NE(snapshot(), before);
}

TEST_F(RunningQueryTest, counts_files_rows_and_bytes_of_the_lake) {
  rows("CREATE TABLE a AS SELECT i, repeat('x', 100) AS t FROM range(1000) r(i)");
  rows("INSERT INTO a SELECT i, 'y' FROM range(1000, 2000) r(i)");
  auto summary = ask("SELECT count(t) FROM a WHERE i < 500").summary;
  EXPECT_EQ(summary.extents_total, 2u);
  EXPECT_EQ(summary.extents_pruned_catalog, 1u);
  EXPECT_GT(summary.bytes_read, 0u);
  EXPECT_EQ(summary.rows_scanned, 500u);
  EXPECT_EQ(summary.blocks_total, 1u);
}

TEST_F(RunningQueryTest, a_write_commits_one_snapshot) {
  rows("CREATE TABLE a (i INT)");
  auto before = std::stoi(snapshot());
  EXPECT_EQ(rows("INSERT INTO a SELECT * FROM range(10)"), Texts{"10"});
  EXPECT_EQ(std::stoi(snapshot()), before + 1);
  EXPECT_EQ(rows("DELETE FROM a WHERE i < 3"), Texts{"3"});
  EXPECT_EQ(rows("SELECT count(*) FROM a"), Texts{"7"});
}

TEST_F(RunningQueryTest, a_write_of_remote_rows) {
  rows("CREATE TABLE copy AS SELECT id, name FROM shop.public.users");
  EXPECT_EQ(rows("SELECT count(*) FROM copy"), Texts{"4"});
}

TEST_F(RunningQueryTest, a_write_happens_when_its_answer_is_asked_for) {
  rows("CREATE TABLE a (i INT)");
  engine_->start(request("INSERT INTO a VALUES (1)")).value().reset();
  EXPECT_EQ(rows("SELECT count(*) FROM a"), Texts{"0"});
}

TEST_F(RunningQueryTest, a_failed_write_leaves_nothing) {
  rows("CREATE TABLE a (i INT)");
  auto before = snapshot();
  EXPECT_EQ(
      ask("INSERT INTO a SELECT CASE WHEN i = 99999 THEN error('late') ELSE i END FROM range(100000) r(i)").code(),
      "query_failed");
  EXPECT_EQ(ask("CREATE TABLE b AS SELECT error('late') FROM range(10)").code(), "query_failed");
  EXPECT_EQ(snapshot(), before);
  EXPECT_EQ(rows("SELECT count(*) FROM a"), Texts{"0"});
  EXPECT_EQ(rows("INSERT INTO a VALUES (1)"), Texts{"1"});
}

TEST_F(RunningQueryTest, explaining_a_write_changes_nothing) {
  rows("CREATE TABLE a (i INT)");
  auto before = snapshot();
  EXPECT_THAT(rows("EXPLAIN INSERT INTO a VALUES (1)").at(0), HasSubstr("INSERT"));
  EXPECT_EQ(snapshot(), before);
  rows("EXPLAIN ANALYZE INSERT INTO a VALUES (1)");
  EXPECT_EQ(rows("SELECT count(*) FROM a"), Texts{"1"});
}

TEST_F(RunningQueryTest, concurrent_writers_wait_for_each_other) {
  rows("CREATE TABLE a (i INT)");
  std::vector<std::jthread> writers;
  for (int writer = 0; writer < 4; ++writer) {
    writers.emplace_back([&] {
      for (int round = 0; round < 3; ++round) EXPECT_EQ(ask("INSERT INTO a VALUES (1)").code(), "ok");
    });
  }
  writers.clear();
  EXPECT_EQ(rows("SELECT count(*) FROM a"), Texts{"12"});
}

TEST_F(RunningQueryTest, a_read_sees_one_snapshot_to_its_end) {
  rows("CREATE TABLE a AS SELECT * FROM range(300000) r(i)");
  auto reading = engine_->start(request("SELECT i FROM a")).value();
  int64_t count = (*reading->next().value())->length;
  rows("DELETE FROM a WHERE i >= 0");
  while (auto batch = reading->next().value()) count += (*batch)->length;
  EXPECT_EQ(count, 300000);
}

TEST_F(RunningQueryTest, more_queries_than_allowed_are_refused) {
  options_.queries_running_max = 1;
  open();
  auto first = engine_->start(request("SELECT * FROM range(100000000000)")).value();
  EXPECT_EQ(ask("SELECT 1").code(), "too_many_requests");
  first.reset();
  EXPECT_EQ(ask("SELECT 1").code(), "ok");
}

TEST_F(RunningQueryTest, draining_ends_what_runs_and_takes_nothing_new) {
  auto running = engine_->start(request("SELECT * FROM range(100000000000)")).value();
  engine_->drain(milliseconds(10));
  EXPECT_EQ(ask("SELECT 1").code(), "shutting_down");
  Result<std::optional<batch::OwnedArray>> batch;
  while ((batch = running->next())) {
  }
  EXPECT_EQ(batch.error().code, ErrorCode::shutting_down);
}

}  // namespace
}  // namespace weir::engine
