#include "engine/remote_test_database.h"

namespace weir::engine {
namespace {

using testing::check;
using testing::numbers_table;
using testing::TestDatabase;
using testing::TestSession;
using testing::TestStream;
using testing::TestTable;
using testing::users_table;
using Texts = std::vector<std::string>;

class RemoteScan : public ::testing::Test {
 protected:
  RemoteScan() : source(database.attach("pg")), session(database) {}

  TestTable table(std::string name, TestStream::Script script) {
    auto table = numbers_table(0, 1);
    table.info.name.table = std::move(name);
    table.script = std::move(script);
    return table;
  }

  TestDatabase database;
  std::shared_ptr<testing::TestSource> source;
  TestSession session;
};

TEST_F(RemoteScan, GivesAllRowsOfSeveralBatches) {
  source->put(numbers_table(100'000, 3'000));
  EXPECT_EQ(session.run("SELECT count(*), sum(n), min(n), max(n) FROM pg.public.numbers").rows,
            Texts{"100000|4999950000|0|99999"});
}

TEST_F(RemoteScan, GivesEachRowOnceToSeveralTasks) {
  source->put(numbers_table(300'000, 1'000));
  EXPECT_EQ(session.run("SELECT count(DISTINCT n), count(*) FROM pg.public.numbers").rows, Texts{"300000|300000"});
}

TEST_F(RemoteScan, KeepsBatchesAliveAsLongAsTheirValues) {
  source->put(users_table(5'000));
  const auto answer = session.run("SELECT id, name, total, email FROM pg.public.users ORDER BY id DESC LIMIT 2");
  EXPECT_EQ(answer.rows, (Texts{"4999|name 4999|4999.05|4999@example.org", "4998|name 4998|4998.05|4998@example.org"}));
}

TEST_F(RemoteScan, JoinsTwoSourcesAndLocalData) {
  source->put(users_table(100));
  const auto other = database.attach("shop");
  other->put(numbers_table(50, 7));
  const auto answer = session.run(
      "SELECT count(*), sum(r.range) FROM pg.public.users u JOIN shop.public.numbers s ON u.id = s.n "
      "JOIN range(10) r ON r.range = s.n");
  EXPECT_EQ(answer.rows, Texts{"10|45"});
  const auto scans = session.query->scans();
  ASSERT_EQ(scans.size(), 2u);
  EXPECT_EQ(session.query->freshness().size(), 2u);
  EXPECT_EQ(session.query->freshness()[0].served, "live");
}

TEST_F(RemoteScan, FillsInTheSummaryWhenTheQueryHasEnded) {
  source->put(numbers_table(1'000, 400));
  session.run("SELECT sum(n) FROM pg.public.numbers");
  const auto scan = session.query->scans().at(0);
  EXPECT_EQ(scan.source, "pg");
  EXPECT_EQ(scan.table, "public.numbers");
  EXPECT_EQ(scan.rows_returned, 1'000u);
  EXPECT_EQ(scan.bytes_received, 300u);
  EXPECT_EQ(scan.remote_query, "SELECT … FROM public.numbers");
  EXPECT_EQ(scan.scan_duration_ms, 1.5);
  EXPECT_EQ(database.reports(), Texts{"pg ok 1000"});
}

TEST_F(RemoteScan, CountsEachExecutionOfAPreparedStatementAnew) {
  source->put(numbers_table(1'000, 400));
  auto statement = session.connection.Prepare("SELECT sum(n) FROM pg.public.numbers");
  duckdb::vector<duckdb::Value> none;
  for (int round = 0; round < 3; ++round) {
    EXPECT_EQ(TestSession::read(*statement->Execute(none, false)).rows, Texts{"499500"});
    ASSERT_EQ(session.query->scans().size(), 1u);
    EXPECT_EQ(session.query->scans().at(0).rows_returned, 1'000u);
  }
}

TEST_F(RemoteScan, KeepsTheSummaryWhenTheTransactionEnds) {
  source->put(numbers_table(1'000, 400));
  session.run("BEGIN");
  session.run("SELECT sum(n) FROM pg.public.numbers");
  EXPECT_FALSE(session.connection.Query("COMMIT")->HasError());
  EXPECT_EQ(session.query->scans().at(0).rows_returned, 1'000u);
}

TEST_F(RemoteScan, ReportsAnErrorInMidScanWithItsCode) {
  source->put(table("broken", [](TestStream& stream, const std::stop_token&) {
    arrow::Int64Builder builder;
    check(builder.AppendValues({1, 2, 3}));
    const auto array = builder.Finish().ValueOrDie();
    stream.give(arrow::RecordBatch::Make(arrow::schema({arrow::field("n", arrow::int64())}), 3, {array}));
    stream.fail_with(Error{ErrorCode::source_connection_lost, "the server went away", "", ""});
  }));
  const auto answer = session.run("SELECT sum(n) FROM pg.public.broken");
  EXPECT_NE(answer.error.find("source_connection_lost: pg: the server went away"), std::string::npos) << answer.error;
  const auto error = session.query->take_error();
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code, ErrorCode::source_connection_lost);
  EXPECT_EQ(error->source, "pg");
  EXPECT_EQ(session.query->scans().at(0).rows_returned, 3u);
  EXPECT_EQ(database.reports(), Texts{"pg source_connection_lost 3"});
  EXPECT_EQ(session.run("SELECT 1").rows, Texts{"1"}) << "the connection works on";
}

TEST_F(RemoteScan, ForgetsTheSchemaAfterDrift) {
  source->put(table("drifted", [](TestStream& stream, const std::stop_token&) {
    stream.fail_with(Error{ErrorCode::schema_drift, "column n is gone", "", ""});
  }));
  session.run("SELECT n FROM pg.public.drifted");
  EXPECT_EQ(source->forgotten(), 1);
}

TEST_F(RemoteScan, DoesNotStartWhenTheConnectorIsPaused) {
  source->put(numbers_table(10, 10));
  database.pause("pg");
  const auto answer = session.run("SELECT n FROM pg.public.numbers");
  EXPECT_EQ(session.query->take_error()->code, ErrorCode::source_disabled) << answer.error;
  EXPECT_TRUE(source->asked().empty());
}

TEST_F(RemoteScan, AnswersAnEmptyTable) {
  source->put(users_table(0));
  EXPECT_EQ(session.run("SELECT * FROM pg.public.users").rows, Texts{});
  EXPECT_EQ(session.run("SELECT count(*) FROM pg.public.users").rows, Texts{"0"});
}

TEST_F(RemoteScan, ReadsATableAgainInEveryStepOfARecursiveQuery) {
  source->put(numbers_table(5, 5));
  const auto answer = session.run(
      "WITH RECURSIVE walk(n) AS (SELECT 0::BIGINT UNION ALL SELECT t.n FROM walk w JOIN pg.public.numbers t ON t.n = "
      "w.n + 1) "
      "SELECT count(*), max(n) FROM walk");
  EXPECT_EQ(answer.error, "");
  EXPECT_EQ(answer.rows, Texts{"5|4"});
  EXPECT_EQ(source->expected_reads(), std::vector<int>{2}) << "more than one, so they share a snapshot";
}

TEST_F(RemoteScan, FillsTheLake) {
  source->put(users_table(3'000));
  ASSERT_EQ(session.run("CREATE TABLE copy AS SELECT * FROM pg.public.users").error, "");
  EXPECT_EQ(session.run("SELECT count(*), count(DISTINCT name), max(total) FROM copy").rows,
            Texts{"3000|3000|2999.05"});
}

TEST_F(RemoteScan, NeedsTheOptimizer) {
  source->put(numbers_table(10, 10));
  ASSERT_EQ(session.run("PRAGMA disable_optimizer").error, "");
  const auto answer = session.run("SELECT n FROM pg.public.numbers");
  EXPECT_NE(answer.error.find("remote tables need DuckDB's optimizer"), std::string::npos) << answer.error;
}

}  // namespace
}  // namespace weir::engine
