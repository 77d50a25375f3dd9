#include "connectors/postgres/query_renderer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "connectors/postgres/postgres_dialect.h"
#include "connectors/postgres/wire_fixture.h"
#include "plan/query_builder.h"

namespace weir::postgres {
namespace {

using plan::AggregateFunction;
using plan::JoinKind;
using plan::Kind;
using plan::QueryBuilder;

plan::ExpressionPtr ref(size_t index) { return plan::make(plan::ColumnRef{index}); }
plan::ExpressionPtr greater(size_t index, int64_t value) {
  const plan::Constant constant{scalar_type(Kind::int64), value};
  return plan::make(plan::Compare{plan::Comparison::greater, ref(index), plan::make(constant)});
}
plan::ExpressionPtr equal(size_t left, size_t right) {
  return plan::make(plan::Compare{plan::Comparison::equal, ref(left), ref(right)});
}

class QueryRendererTest : public ::testing::Test {
 protected:
  QueryBuilder users() const {
    return {{"public", "users"},
            {column("id", scalar_type(Kind::int32), "integer"), column("region", scalar_type(Kind::text), "text"),
             column("mood", scalar_type(Kind::text), "public.mood"),
             column("address", scalar_type(Kind::text), "inet", /*cast_to_text=*/true)},
            {},
            capabilities_};
  }
  QueryBuilder orders() const {
    return {{"public", "orders"},
            {column("id", scalar_type(Kind::int64), "bigint"), column("user_id", scalar_type(Kind::int32), "integer"),
             column("total", decimal_type(12, 2), "numeric(12,2)")},
            {},
            capabilities_};
  }
  static std::string text(const QueryBuilder& query, bool in_wire_form = false) {
    const PlaceConstant place = [](SqlConstant constant) { return constant.text; };
    return QueryRenderer(place).render(*query.build(), in_wire_form);
  }
  static void ok(const QueryBuilder::Verdict& verdict) { EXPECT_TRUE(verdict) << verdict.error(); }

  const plan::Capabilities capabilities_ = capabilities(/*text_is_utf8=*/true);
};

TEST_F(QueryRendererTest, TestsWhatIsCheapFirst) {
  const auto constant = [](Kind kind, const char* text) {
    return plan::make(
        plan::Constant{kind == Kind::decimal ? decimal_type(3, 2) : scalar_type(kind), std::string(text)});
  };
  auto query = users();
  ok(query.filter(plan::make(plan::Like{ref(1), plan::Match::like, "e%", false})));
  ok(query.filter(plan::make(plan::Compare{plan::Comparison::equal, ref(1), constant(Kind::text, "eu")})));
  ok(query.filter(greater(0, 3)));
  ok(query.filter(greater(0, 2)));
  EXPECT_THAT(text(query),
              ::testing::EndsWith(
                  R"(WHERE t1."id" > 3 AND t1."id" > 2 AND t1."region" = eu AND t1."region" LIKE e% ESCAPE '')"));
}

TEST_F(QueryRendererTest, MakesTheGroupsOfASemiJoinOnce) {
  for (const auto kind : {JoinKind::semi, JoinKind::anti, JoinKind::inner}) {
    auto query = users();
    auto groups = orders();
    ok(groups.group({ref(1)}, {}));
    ok(query.join(kind, std::move(groups), {equal(0, 4)}));
    EXPECT_EQ(text(query).find(R"(GROUP BY t2."user_id" OFFSET 0))") != std::string::npos, kind != JoinKind::inner)
        << text(query);
  }
}

TEST_F(QueryRendererTest, AsksNotInAsThreeQuestionsWhereNullsMayBe) {
  auto query = users();
  ok(query.join(JoinKind::not_in, orders(), {equal(0, 5)}));
  EXPECT_TRUE(text(query).ends_with(
      R"(WHERE NOT EXISTS (SELECT FROM "public"."orders" AS t2 WHERE t1."id" = t2."user_id") AND )"
      R"((t1."id" IS NOT NULL OR NOT EXISTS (SELECT FROM "public"."orders" AS t3)) AND )"
      R"(NOT EXISTS (SELECT FROM "public"."orders" AS t4 WHERE t4."user_id" IS NULL))"))
      << text(query);
}

TEST_F(QueryRendererTest, SumsIntegersAsPostgresDoesWithoutOverflowAndTextByItsBytes) {
  auto query = users();
  ok(query.filter(greater(0, 3)));
  ok(query.group({ref(1)}, {{AggregateFunction::count_rows},
                            {AggregateFunction::sum, ref(0)},
                            {AggregateFunction::min, ref(2)},
                            {AggregateFunction::count, ref(3)},
                            {AggregateFunction::count, ref(1), true, greater(0, 5)}}));
  ok(query.filter(greater(1, 7)));
  EXPECT_EQ(
      text(query),
      "SELECT t1.\"region\" AS c0, count(*) AS c1, sum(t1.\"id\"::int8) AS c2, min(t1.\"mood\"::text COLLATE \"C\") "
      "AS c3, count(t1.\"address\"::text) AS c4, count(DISTINCT t1.\"region\") FILTER (WHERE t1.\"id\" > 5) AS c5 "
      "FROM \"public\".\"users\" AS t1 WHERE t1.\"id\" > 3 GROUP BY t1.\"region\" HAVING count(*) > 7");
}

TEST_F(QueryRendererTest, KeepsTheOneRowOfAnAggregateThatNobodyReads) {
  auto query = users();
  ok(query.group({}, {{AggregateFunction::count_rows}}));
  ok(query.select({plan::make(plan::Constant{scalar_type(Kind::int32), int64_t{42}})}));
  EXPECT_EQ(text(query), "SELECT 42 AS c0 FROM \"public\".\"users\" AS t1 HAVING true");
}

TEST_F(QueryRendererTest, SortsWithAllThatTheOrderNeeds) {
  auto query = users();
  ok(query.first({{ref(2), true, false}, {ref(0), false, true}}, 3, 2));
  ok(query.select({ref(0), ref(3)}));
  EXPECT_EQ(text(query, /*in_wire_form=*/true),
            "SELECT t1.\"id\" AS c0, t1.\"address\"::text AS c1 FROM \"public\".\"users\" AS t1 ORDER BY "
            "t1.\"mood\"::text COLLATE \"C\" DESC NULLS LAST, t1.\"id\" ASC NULLS FIRST LIMIT 3 OFFSET 2");
}

TEST_F(QueryRendererTest, JoinsTablesAndQueries) {
  auto filtered = orders();
  ok(filtered.filter(greater(0, 3)));
  auto query = users();
  ok(query.join(JoinKind::left, filtered, {equal(0, 5)}));
  ok(query.join(JoinKind::anti, orders(), {equal(0, 8)}));
  ok(query.select({ref(0), ref(6)}));
  EXPECT_EQ(
      text(query),
      "SELECT t1.\"id\" AS c0, t3.c2 AS c1 FROM \"public\".\"users\" AS t1 LEFT JOIN (SELECT t2.\"id\" AS c0, "
      "t2.\"user_id\" AS c1, t2.\"total\" AS c2 FROM \"public\".\"orders\" AS t2 WHERE t2.\"id\" > 3) AS t3 ON "
      "t1.\"id\" = t3.c1 WHERE NOT EXISTS (SELECT FROM \"public\".\"orders\" AS t4 WHERE t1.\"id\" = t4.\"user_id\")");
}

TEST_F(QueryRendererTest, UnitesManyQueriesOnOneLevel) {
  auto query = users();
  ok(query.select({ref(0)}));
  auto other = orders();
  ok(other.select({ref(1)}));
  ok(query.union_all({other, other}));
  EXPECT_EQ(text(query),
            "SELECT t4.c0 AS c0 FROM ((SELECT t1.\"id\" AS c0 FROM \"public\".\"users\" AS t1) UNION ALL (SELECT "
            "t2.\"user_id\" AS c0 FROM \"public\".\"orders\" AS t2) UNION ALL (SELECT t3.\"user_id\" AS c0 FROM "
            "\"public\".\"orders\" AS t3)) AS t4");
}

plan::ExpressionPtr call(plan::Function function, std::vector<plan::ExpressionPtr> arguments, plan::Type type) {
  return plan::make(plan::Call{function, std::move(arguments), std::move(type)});
}
plan::ExpressionPtr number(Kind kind, int64_t value) { return plan::make(plan::Constant{scalar_type(kind), value}); }

TEST_F(QueryRendererTest, CalculatesInTheKindOfTheResultAndChecksItsDigits) {
  auto query = orders();
  const auto one = plan::make(plan::Constant{decimal_type(3, 2), std::string("1.00")});
  ok(query.select(
      {call(plan::Function::add, {ref(1), ref(0)}, scalar_type(Kind::int64)),
       call(plan::Function::multiply, {ref(2), one}, decimal_type(15, 4)),
       call(plan::Function::multiply, {ref(2), ref(2)}, decimal_type(18, 4)),
       call(plan::Function::negate, {ref(1)}, scalar_type(Kind::int32)),
       plan::make(plan::Case{{greater(0, 3)}, {ref(1)}, number(Kind::int16, 0), scalar_type(Kind::int32)})}));
  EXPECT_EQ(text(query),
            "SELECT (t1.\"user_id\"::int8 + t1.\"id\") AS c0, (t1.\"total\" * 1.00) AS c1, (t1.\"total\" * "
            "t1.\"total\")::numeric(18,4) AS c2, (- t1.\"user_id\") AS c3, (CASE WHEN t1.\"id\" > 3 THEN "
            "t1.\"user_id\" ELSE 0 END) AS c4 FROM \"public\".\"orders\" AS t1");
}

TEST_F(QueryRendererTest, GivesComputedTextsTheOrderOfTheirBytes) {
  auto query = users();
  const auto start = call(plan::Function::substring, {ref(2), number(Kind::int64, 1), number(Kind::int64, 2)},
                          scalar_type(Kind::text));
  ok(query.group({start, call(plan::Function::length, {ref(1)}, scalar_type(Kind::int64))}, {}));
  EXPECT_EQ(text(query),
            "SELECT (substring(t1.\"mood\"::text, 1, 2) COLLATE \"C\") AS c0, length(t1.\"region\")::int8 AS c1 FROM "
            "\"public\".\"users\" AS t1 GROUP BY (substring(t1.\"mood\"::text, 1, 2) COLLATE \"C\"), "
            "length(t1.\"region\")::int8");
}

}  // namespace
}  // namespace weir::postgres
