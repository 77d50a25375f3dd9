#include "engine/remote_test_database.h"

namespace weir::engine {
namespace {

using testing::TestDatabase;
using testing::TestSession;
using testing::users_table;
using Texts = std::vector<std::string>;

class Pushdown : public ::testing::Test {
 protected:
  Pushdown() : source(database.attach("pg")), session(database) { source->put(users_table(10)); }

  plan::ScanSummary summary(const std::string& where) {
    const auto answer = session.run("SELECT id FROM pg.public.users WHERE " + where);
    EXPECT_EQ(answer.error, "") << where;
    const auto scans = session.query->scans();
    EXPECT_EQ(scans.size(), 1u) << where;
    return scans.empty() ? plan::ScanSummary{} : scans[0];
  }
  void expect_pushed(const std::string& where, const Texts& shown) {
    const auto scan = summary(where);
    EXPECT_EQ(scan.filters_pushed, shown) << where;
    EXPECT_EQ(scan.filters_residual, Texts{}) << where;
  }
  void expect_residual(const std::string& where, const std::string& reason) {
    const auto scan = summary(where);
    EXPECT_EQ(scan.filters_pushed, Texts{}) << where;
    ASSERT_EQ(scan.filters_residual.size(), 1u) << where;
    EXPECT_EQ(scan.residual_reasons, Texts{scan.filters_residual[0] + ": " + reason}) << where;
  }

  TestDatabase database;
  std::shared_ptr<testing::TestSource> source;
  TestSession session;
};

TEST_F(Pushdown, Comparisons) {
  expect_pushed("id = 7", {"id = $1"});
  expect_pushed("7 < id", {"id > $1"});
  expect_pushed("age <> 3", {"age != $1"});
  expect_pushed("age IS DISTINCT FROM 3", {"age IS DISTINCT FROM $1"});
  expect_pushed("age IS NOT DISTINCT FROM 3", {"age IS NOT DISTINCT FROM $1"});
  expect_pushed("born < TIMESTAMP '2024-01-01 00:00:00'", {"born < $1"});
  expect_pushed("name >= 'm'", {"name >= $1"});
  expect_pushed("total <= 12.50", {"total <= $1"});
  expect_pushed("born > DATE '1970-01-03'", {"born > $1"});
  expect_pushed("id > 3 AND name < 'x'", {"id > $1", "name < $2"});
}

TEST_F(Pushdown, ComparesColumnsAfterTakingExactCastsAway) {
  expect_pushed("id = age", {"id = age"});
  expect_pushed("age = 3000000000", {"age = $1"});
  expect_pushed("age < 2.5", {"age < $1"});
  expect_pushed("total = id", {"total = id"});
  EXPECT_TRUE(std::holds_alternative<plan::Compare>(source->last_asked().filters[0]->node));
}

TEST_F(Pushdown, BetweenAndLists) {
  expect_pushed("id BETWEEN 2 AND 4", {"id >= $1 AND id <= $2"});
  expect_pushed("name IN ('a', 'b', 'c')", {"name IN ($1, $2, $3)"});
  expect_pushed("name NOT IN ('a', 'b')", {"name NOT IN ($1, $2)"});
}

TEST_F(Pushdown, NullTestsAndConditions) {
  expect_pushed("name IS NULL", {"name IS NULL"});
  expect_pushed("name IS NOT NULL", {"name IS NOT NULL"});
  expect_pushed("active", {"active"});
  expect_pushed("NOT active", {"NOT (active)"});
}

TEST_F(Pushdown, Trees) {
  expect_pushed("id = 1 OR (age > 3 AND name LIKE 'a%b')", {"id = $1 OR (age > $2 AND name LIKE $3)"});
  expect_pushed("NOT (id = 1 AND name IS NULL)", {"NOT (id = $1 AND name IS NULL)"});
}

TEST_F(Pushdown, Patterns) {
  expect_pushed("name LIKE 'a_b%'", {"name LIKE $1"});
  expect_pushed("name NOT LIKE 'a_b%'", {"name NOT LIKE $1"});
  expect_pushed("name LIKE 'ab%'", {"name LIKE $1 || '%'"});
  expect_pushed("name LIKE '%ab'", {"name LIKE '%' || $1"});
  expect_pushed("name LIKE '%ab%'", {"name LIKE '%' || $1 || '%'"});
}

TEST_F(Pushdown, HandsConstantsOverExactly) {
  summary("total = 12.5 AND born = DATE '2024-02-29' AND id = 9223372036854775807");
  std::map<plan::Kind, plan::Constant> constants;
  for (const auto& filter : source->last_asked().filters) {
    const auto& constant = std::get<plan::Constant>(std::get<plan::Compare>(filter->node).right->node);
    constants[constant.type.kind] = constant;
  }
  EXPECT_EQ(constants[plan::Kind::decimal].value, plan::Constant({}, std::string("12.50")).value);
  EXPECT_EQ(constants[plan::Kind::date].value, plan::Constant({}, std::string("2024-02-29")).value);
  EXPECT_EQ(constants[plan::Kind::int64].value, plan::Constant({}, int64_t{INT64_MAX}).value);
}

TEST_F(Pushdown, NamesWhatStaysHere) {
  expect_residual("lower(name) = 'a'", "function lower is not pushed yet");
  expect_residual("age % 7 = 5", "function % is not pushed yet");
  expect_residual("name ILIKE 'a_'", "function ~~* is not pushed yet");
  expect_residual("CASE WHEN active THEN id ELSE age END = 3",
                  "CASE and coalesce on int64 column id is not proven equal on the source");
  expect_residual("random() < 2", "an expression that changes from call to call is never pushed");
  expect_residual("email = 'a'", "column email (citext) compares by a nondeterministic collation");
  expect_residual("doc = '{}'", "equality on json column doc is not proven equal on the source");
  expect_residual("id = 0.5::DOUBLE", "a cast from BIGINT to DOUBLE is not proven exact");
  expect_residual("born < TIMESTAMP '2024-01-01 10:00:00'", "a cast from DATE to TIMESTAMP is not proven exact");
  expect_residual("id::INTEGER < age", "a cast from BIGINT to INTEGER is not proven exact");
  expect_residual("coalesce(age, 0) = 3", "CASE and coalesce on int32 column age is not proven equal on the source");
}

TEST_F(Pushdown, NeverPushesHalfAnOr) {
  expect_residual("id = 1 OR lower(name) = 'a'", "function lower is not pushed yet");
}

TEST_F(Pushdown, SplitsAnAnd) {
  const auto scan = summary("id = 1 AND lower(name) = 'name 1'");
  EXPECT_EQ(scan.filters_pushed, Texts{"id = $1"});
  EXPECT_EQ(scan.filters_residual, Texts{"lower(name) = $2"});
}

TEST_F(Pushdown, ChecksResidualFiltersHere) {
  EXPECT_EQ(session.run("SELECT id FROM pg.public.users WHERE upper(name) = 'NAME 4'").rows, Texts{"4"});
}

TEST_F(Pushdown, StopsWhenItIsSwitchedOff) {
  ASSERT_EQ(session.run("SET weir_pushdown = false").error, "");
  const auto answer = session.run("SELECT id FROM pg.public.users WHERE id = 3 LIMIT 1");
  EXPECT_EQ(answer.rows, Texts{"3"});
  const auto asked = source->last_asked();
  EXPECT_TRUE(asked.filters.empty());
  EXPECT_FALSE(asked.limit);
  EXPECT_EQ(asked.projection, std::vector<size_t>{0});
  const auto scan = session.query->scans().at(0);
  EXPECT_EQ(scan.residual_reasons.at(0), "id = $1: pushdown is off (weir_pushdown = false)");
}

TEST_F(Pushdown, DoesNotReadWhenNothingCanMatch) {
  EXPECT_EQ(session.run("SELECT id FROM pg.public.users WHERE id = NULL").rows, Texts{});
  EXPECT_TRUE(source->asked().empty());
  const auto scans = session.query->scans();
  ASSERT_EQ(scans.size(), 1u);
  EXPECT_EQ(scans[0].rows_returned, 0u);
  EXPECT_EQ(scans[0].residual_reasons, Texts{"not read: no row of this table can change the result"});
}

TEST_F(Pushdown, ReadsOnlyTheColumnsThatAreNeeded) {
  session.run("SELECT name FROM pg.public.users WHERE age = 3 AND lower(email) = 'x'");
  const auto asked = source->last_asked();
  Texts names;
  for (const auto index : asked.projection) names.push_back(asked.columns[index].name);
  std::ranges::sort(names);
  EXPECT_EQ(names, (Texts{"email", "name"})) << "age is checked on the source and not needed here";
  EXPECT_TRUE(session.query->scans().at(0).projection_pushed);
}

TEST_F(Pushdown, CountsRowsWithoutColumns) {
  EXPECT_EQ(session.run("SELECT count(*) FROM pg.public.users").rows, Texts{"10"});
  EXPECT_TRUE(source->last_asked().projection.empty());
}

TEST_F(Pushdown, PushesALimitWithItsOffsetAndKeepsItsOwn) {
  EXPECT_EQ(session.run("SELECT id + 1 FROM pg.public.users LIMIT 3 OFFSET 2").rows.size(), 3u);
  EXPECT_EQ(source->last_asked().limit, 5u);
  EXPECT_EQ(session.query->scans().at(0).limit_pushed, 5u);
}

TEST_F(Pushdown, KeepsALimitThatTheSourceDoesNotHave) {
  auto capabilities = testing::trusting_capabilities();
  capabilities.limit = false;
  const auto other = database.attach("other", capabilities);
  other->put(users_table(10));
  EXPECT_EQ(session.run("SELECT id FROM other.public.users LIMIT 3").rows.size(), 3u);
  EXPECT_FALSE(other->last_asked().limit);
  EXPECT_EQ(session.query->scans().at(0).residual_reasons, Texts{"LIMIT: the source has none"});
}

TEST_F(Pushdown, KeepsALimitAboveWhatStaysHere) {
  for (const std::string query :
       {"SELECT id FROM pg.public.users WHERE lower(name) = 'x' LIMIT 3",
        "SELECT id FROM pg.public.users ORDER BY id LIMIT 3",
        "SELECT age, count(*) FROM pg.public.users GROUP BY age LIMIT 3",
        "SELECT DISTINCT age FROM pg.public.users LIMIT 3", "SELECT id FROM pg.public.users LIMIT 50%",
        "SELECT a.id FROM pg.public.users a JOIN range(3) r(n) ON a.id = r.n LIMIT 3"}) {
    EXPECT_EQ(session.run(query).error, "");
    EXPECT_FALSE(source->last_asked().limit) << query;
  }
}

TEST_F(Pushdown, SaysWhyALimitStaysHere) {
  const auto reasons = [this](const std::string& query) {
    session.run(query);
    return session.query->scans().at(0).residual_reasons;
  };
  EXPECT_EQ(reasons("SELECT id FROM pg.public.users LIMIT 50%"), Texts{"LIMIT is not a constant number of rows"});
  EXPECT_EQ(reasons("SELECT id FROM pg.public.users OFFSET 2"), Texts{});
  EXPECT_EQ(reasons("SELECT id FROM pg.public.users WHERE lower(name) = 'x' LIMIT 2").at(1),
            "LIMIT stays above filters that stay here");
}

TEST_F(Pushdown, SaysWhyOperatorsStayHere) {
  session.run("SELECT age, count(*) FROM pg.public.users GROUP BY age ORDER BY 2");
  auto scan = session.query->scans().at(0);
  EXPECT_EQ(scan.agg_residual_reason, "the source has no aggregates");
  EXPECT_EQ(scan.residual_reasons, (Texts{"the source has no aggregates", "ORDER BY is pushed with a LIMIT only"}));

  session.run("SELECT u.age, count(*) FROM pg.public.users u JOIN range(5) r(n) ON u.id = r.n GROUP BY u.age");
  scan = session.query->scans().at(0);
  EXPECT_EQ(scan.agg_residual_reason, "cross-source group-by");
  EXPECT_EQ(scan.residual_reasons, Texts{"cross-source join"});

  session.run("SELECT a.id FROM pg.public.users a JOIN pg.public.users b ON a.id = b.age");
  EXPECT_EQ(session.query->scans().at(1).residual_reasons, Texts{"the source has no joins"});
}

TEST_F(Pushdown, SaysNothingOfWhatNobodyExpectsOnASource) {
  EXPECT_EQ(session.run("CREATE TABLE kept AS SELECT id FROM pg.public.users").error, "");
  EXPECT_EQ(session.query->scans().at(0).residual_reasons, Texts{});
  EXPECT_EQ(session.run("INSERT INTO kept SELECT id FROM pg.public.users").error, "");
  EXPECT_EQ(session.query->scans().at(0).residual_reasons, Texts{});
  session.explain("SELECT id FROM pg.public.users");
  EXPECT_EQ(session.query->scans().at(0).residual_reasons, Texts{});
}

TEST_F(Pushdown, PushesParametersOfPreparedStatementsAtEachExecution) {
  auto statement = session.connection.Prepare("SELECT id FROM pg.public.users WHERE name = $1 LIMIT $2");
  ASSERT_FALSE(statement->HasError()) << statement->GetError();
  for (const std::string name : {"x", "y"}) {
    duckdb::vector<duckdb::Value> values{duckdb::Value(name), duckdb::Value::BIGINT(name == "x" ? 2 : 3)};
    const auto answer = TestSession::read(*statement->Execute(values, false));
    EXPECT_EQ(answer.error, "");
    const auto asked = source->last_asked();
    ASSERT_EQ(asked.filters.size(), 1u);
    const auto& constant = std::get<plan::Constant>(std::get<plan::Compare>(asked.filters[0]->node).right->node);
    EXPECT_EQ(std::get<std::string>(constant.value), name);
    EXPECT_EQ(asked.limit, name == "x" ? 2u : 3u);
  }
  EXPECT_EQ(session.query->scans().at(0).filters_pushed, Texts{"name = $1"});
}

TEST_F(Pushdown, SurvivesCopiesOfThePlan) {
  const auto answer = session.run(
      "WITH u AS (SELECT id, name FROM pg.public.users WHERE id >= 2) "
      "SELECT (SELECT count(*) FROM u), (SELECT count(*) FROM u WHERE name = 'x')");
  EXPECT_EQ(answer.error, "");
  EXPECT_FALSE(session.query->scans().empty());
  for (const auto& asked : source->asked()) EXPECT_FALSE(asked.filters.empty());
}

TEST_F(Pushdown, AnswersTheSameAsAViewOverTheTable) {
  ASSERT_EQ(session.run("CREATE VIEW adults AS SELECT * FROM pg.public.users WHERE age >= 5").error, "");
  EXPECT_EQ(session.run("SELECT count(*) FROM adults WHERE id = 7").error, "");
  EXPECT_EQ(session.query->scans().at(0).filters_pushed.size(), 2u);
}

TEST_F(Pushdown, EstimatesByKeyAndByShare) {
  session.run("SELECT * FROM pg.public.users WHERE id = 3");
  EXPECT_EQ(source->last_asked().estimated_rows, 1u);
  session.run("SELECT * FROM pg.public.users WHERE id IN (1, 5, 9)");
  EXPECT_EQ(source->last_asked().estimated_rows, 3u);
  session.run("SELECT * FROM pg.public.users WHERE age > 3");
  EXPECT_EQ(source->last_asked().estimated_rows, 333u);
  session.run("SELECT * FROM pg.public.users LIMIT 20");
  EXPECT_EQ(source->last_asked().estimated_rows, 20u);
}

TEST_F(Pushdown, TellsTheSourceHowManyReadsAQueryMakes) {
  session.run("SELECT count(*) FROM pg.public.users a, pg.public.users b");
  EXPECT_EQ(source->expected_reads(), std::vector<int>{2}) << "one transaction for both reads";
}

TEST_F(Pushdown, IsShownByExplain) {
  const auto plan = session.explain("SELECT name FROM pg.public.users WHERE id = 5 AND lower(name) = 'q'");
  for (const std::string part : {"REMOTE_SCAN", "pg.public.users", "id = $1", "Filters Residual"}) {
    EXPECT_NE(plan.find(part), std::string::npos) << part << "\n" << plan;
  }
  const auto json = session.explain("(FORMAT JSON) SELECT name FROM pg.public.users WHERE id = 5");
  EXPECT_NE(json.find("\"Filters Pushed\": \"id = $1\""), std::string::npos) << json;
  EXPECT_TRUE(source->asked().empty()) << "explaining does not read";
}

}  // namespace
}  // namespace weir::engine
