#include "plan/query_builder.h"

#include <gtest/gtest.h>

#include "plan/query_summary.h"

namespace weir::plan {
namespace {

constexpr Kind kKinds[] = {Kind::int32, Kind::int64, Kind::float64, Kind::decimal, Kind::text};
constexpr Operation kAll[] = {Operation::equality, Operation::ordering, Operation::null_test, Operation::pattern,
                              Operation::grouping, Operation::extreme,  Operation::sum};

Column column(std::string name, Kind kind) {
  return {.name = std::move(name),
          .type = {kind, 12, 2, {}},
          .collation = kind == Kind::text ? Collation::deterministic : Collation::not_text,
          .nullable = false,
          .source_type = "test"};
}
ExpressionPtr ref(size_t index) { return make(ColumnRef{index}); }
ExpressionPtr number(int64_t value) { return make(Constant{{Kind::int64, 0, 0, {}}, value}); }
ExpressionPtr greater(size_t index, int64_t value) {
  return make(Compare{Comparison::greater, ref(index), number(value)});
}
ExpressionPtr equal(size_t left, size_t right) { return make(Compare{Comparison::equal, ref(left), ref(right)}); }

class QueryBuilderTest : public ::testing::Test {
 protected:
  QueryBuilderTest() {
    for (const auto kind : kKinds) {
      for (const auto operation : kAll) {
        if (kind != Kind::float64 || operation != Operation::grouping) rules_.push_back({kind, operation});
      }
    }
    capabilities_ = {.rules = rules_,
                     .limit = true,
                     .sort = true,
                     .aggregate = true,
                     .join = true,
                     .union_all = true,
                     .in_list_length_max = 3,
                     .text_is_utf8 = true};
  }
  QueryBuilder users() const {
    return {{"public", "users"},
            {column("id", Kind::int32), column("region", Kind::text), column("score", Kind::float64)},
            {},
            capabilities_};
  }
  QueryBuilder orders() const {
    return {{"public", "orders"},
            {column("id", Kind::int64), column("user_id", Kind::int32), column("total", Kind::decimal)},
            {},
            capabilities_};
  }
  static std::vector<std::string> names(const QueryBuilder& query) {
    std::vector<std::string> names;
    for (const auto& one : query.columns()) names.push_back(one.name);
    return names;
  }
  static void ok(const QueryBuilder::Verdict& verdict) { EXPECT_TRUE(verdict) << verdict.error(); }

  std::vector<Rule> rules_;
  Capabilities capabilities_;
};

using Names = std::vector<std::string>;

TEST_F(QueryBuilderTest, AScanOfOneTableIsNotWorthAQuery) {
  auto query = users();
  ok(query.filter(greater(0, 3)));
  ok(query.select({ref(1)}));
  ok(query.limit(5, 0));
  EXPECT_FALSE(query.is_worth_pushing());
  ok(query.limit(3, 1));
  EXPECT_TRUE(query.is_worth_pushing());
}

TEST_F(QueryBuilderTest, GroupsAndFiltersTheGroups) {
  auto query = users();
  ok(query.filter(greater(0, 3)));
  ok(query.group({ref(1)}, {{AggregateFunction::count_rows, {}}, {AggregateFunction::sum, ref(0)}}));
  EXPECT_EQ(names(query), (Names{"region", "COUNT(*)", "SUM(id)"}));
  EXPECT_EQ(query.columns()[2].type, (Type{Kind::decimal, 38, 0, {}}));
  ok(query.filter(greater(1, 5)));
  const auto built = query.build();
  EXPECT_EQ(built->filters.size(), 1u);
  EXPECT_EQ(built->grouping->having.size(), 1u);
  EXPECT_TRUE(std::holds_alternative<TableName>(built->from.from));
}

TEST_F(QueryBuilderTest, CountsRowsInsteadOfValuesThatAreNeverNull) {
  auto query = users();
  ok(query.group({}, {{AggregateFunction::count, ref(0)}, {AggregateFunction::count, ref(0), /*distinct=*/true}}));
  EXPECT_EQ(names(query), (Names{"COUNT(*)", "COUNT(DISTINCT id)"}));
  auto joined = users();
  ok(joined.join(JoinKind::right, orders(), {equal(0, 4)}));
  ok(joined.group({}, {{AggregateFunction::count, ref(0)}, {AggregateFunction::count, ref(4)}}));
  EXPECT_EQ(names(joined), (Names{"COUNT(id)", "COUNT(*)"}));
}

TEST_F(QueryBuilderTest, MakesANewLevelForWhatComesTooLate) {
  auto query = users();
  ok(query.group({ref(1)}, {{AggregateFunction::count_rows, {}}}));
  ok(query.group({}, {{AggregateFunction::max, ref(1)}}));
  EXPECT_EQ(names(query), Names{"MAX(COUNT(*))"});
  EXPECT_TRUE(std::holds_alternative<QueryPtr>(query.build()->from.from));
  auto first = users();
  ok(first.first({{ref(0)}}, 3, 0));
  ok(first.filter(greater(0, 1)));
  const auto built = first.build();
  EXPECT_EQ(std::get<QueryPtr>(built->from.from)->limit, 3u) << "rows are cut before the filter";
  EXPECT_EQ(built->filters.size(), 1u);
}

TEST_F(QueryBuilderTest, JoinsWithTheColumnsOfBothSides) {
  auto query = users();
  ok(query.filter(greater(0, 3)));
  auto right = orders();
  ok(right.select({ref(2), ref(1)}));
  ok(query.join(JoinKind::left, std::move(right), {equal(0, 4)}));
  EXPECT_EQ(names(query), (Names{"id", "region", "score", "total", "user_id"}));
  EXPECT_TRUE(query.columns()[3].nullable);
  EXPECT_FALSE(query.columns()[0].nullable);
  const auto built = query.build();
  EXPECT_EQ(std::get<ColumnRef>(std::get<Compare>(built->joins[0].on[0]->node).right->node).index, 4u);
}

TEST_F(QueryBuilderTest, FiltersASideBeforeAJoinFillsItWithNulls) {
  auto filtered = orders();
  ok(filtered.filter(greater(0, 3)));
  auto query = users();
  ok(query.join(JoinKind::left, filtered, {equal(0, 4)}));
  EXPECT_TRUE(std::holds_alternative<QueryPtr>(query.build()->joins[0].right.from));
  auto right_join = filtered;
  ok(right_join.join(JoinKind::right, users(), {equal(1, 3)}));
  EXPECT_TRUE(std::holds_alternative<QueryPtr>(right_join.build()->from.from));
}

TEST_F(QueryBuilderTest, KeepsTheLeftColumnsOfASemiJoin) {
  auto query = users();
  ok(query.join(JoinKind::semi, orders(), {equal(0, 4)}));
  EXPECT_EQ(names(query), (Names{"id", "region", "score"}));
  ok(query.join(JoinKind::inner, orders(), {equal(0, 4)}));
  const auto built = query.build();
  EXPECT_EQ(input_columns(*built).size(), 9u);
  EXPECT_EQ(std::get<ColumnRef>(std::get<Compare>(built->joins[1].on[0]->node).right->node).index, 7u);
}

TEST_F(QueryBuilderTest, RefusesWhatItIsNotTrustedWith) {
  const auto reason = [](const QueryBuilder::Verdict& verdict) { return verdict ? "" : verdict.error(); };
  EXPECT_NE(reason(users().group({ref(2)}, {})).find("score"), std::string::npos);
  EXPECT_NE(reason(users().group({}, {{AggregateFunction::count, ref(2), true}})).find("score"), std::string::npos);
  auto floats = users();
  ok(floats.select({ref(2)}));
  EXPECT_NE(reason(floats.distinct()), "");
  auto other = orders();
  EXPECT_NE(reason(users().union_all({other})), "") << "columns of other types";
  capabilities_.aggregate = capabilities_.sort = capabilities_.join = capabilities_.union_all = false;
  EXPECT_EQ(reason(users().group({ref(1)}, {})), "the source has no aggregates");
  EXPECT_EQ(reason(users().distinct()), "the source has no DISTINCT");
  EXPECT_EQ(reason(users().first({{ref(0)}}, 1, 0)), "the source has no ORDER BY");
  EXPECT_EQ(reason(users().limit(1, 1)), "OFFSET: the source has none");
  EXPECT_EQ(reason(users().join(JoinKind::inner, orders(), {})), "the source has no joins");
  EXPECT_EQ(reason(users().union_all({users()})), "the source has no UNION ALL");
}

TEST_F(QueryBuilderTest, TellsWhatItAsks) {
  auto query = orders();
  ok(query.join(JoinKind::inner, users(), {equal(1, 3)}));
  ok(query.group({ref(4)}, {{AggregateFunction::sum, ref(2)}}));
  ok(query.filter(greater(1, 100)));
  ok(query.first({{ref(1), true, false}}, 3, 0));
  ScanSummary summary;
  int next_parameter = 1;
  summarize(*query.build(), summary, next_parameter);
  EXPECT_EQ(summary.table, "public.orders, public.users");
  EXPECT_TRUE(summary.join_pushed);
  EXPECT_EQ(summary.filters_pushed, (Names{"orders.user_id = users.id", "SUM(orders.total) > $1"}));
  EXPECT_EQ(summary.agg_pushed, (Names{"SUM(orders.total)", "GROUP BY users.region"}));
  EXPECT_EQ(summary.sort_pushed, Names{"SUM(orders.total) DESC NULLS LAST"});
  EXPECT_EQ(summary.limit_pushed, 3u);
}

TEST_F(QueryBuilderTest, JoinsByWhatMayBeTheSameNullOnlyWhenOneSideNeverIs) {
  const auto same = [](size_t left, size_t right) {
    return make(Compare{Comparison::not_distinct, ref(left), ref(right)});
  };
  auto nullable = column("parent", Kind::int64);
  nullable.nullable = true;
  const QueryBuilder children({"public", "children"}, {nullable}, {}, capabilities_);
  auto query = orders();
  ok(query.join(JoinKind::inner, children, {same(0, 3)}));
  EXPECT_EQ(std::get<Compare>(query.build()->joins[0].on[0]->node).op, Comparison::equal);
  auto filled = children;
  EXPECT_EQ(filled.join(JoinKind::inner, children, {same(0, 1)}).error(),
            "JOIN by IS NOT DISTINCT FROM over two columns that may be NULL");
  auto left = children;
  ok(left.join(JoinKind::left, orders(), {equal(0, 1)}));
  EXPECT_FALSE(left.join(JoinKind::inner, children, {same(1, 4)})) << "the outer join fills it with NULLs";
}

TEST_F(QueryBuilderTest, ComputesBeforeAJoinThatFillsWithNulls) {
  const auto one = make(Constant{{Kind::int64, 0, 0, {}}, int64_t{1}});
  for (const auto kind : {JoinKind::left, JoinKind::full}) {
    auto right = orders();
    ok(right.select({ref(1), one}));
    auto query = users();
    ok(query.join(kind, right, {equal(0, 3)}));
    EXPECT_TRUE(std::holds_alternative<QueryPtr>(query.build()->joins[0].right.from)) << "not behind the join";
  }
  auto query = orders();
  ok(query.select({ref(1), one}));
  ok(query.join(JoinKind::right, users(), {equal(0, 2)}));
  EXPECT_TRUE(std::holds_alternative<QueryPtr>(query.build()->from.from));
}

/// users JOIN (orders grouped by user_id), the users of a region only.
TEST_F(QueryBuilderTest, GroupsWhatAJoinCanMeetOnly) {
  const auto of_region = make(Compare{Comparison::equal, ref(1), make(Constant{{Kind::text, 0, 0, {}}, "eu"})});
  const auto joined = [&](JoinKind kind, const ExpressionPtr& filter) {
    auto query = users();
    ok(query.filter(filter));
    auto sums = orders();
    ok(sums.group({ref(1)}, {{AggregateFunction::sum, ref(2)}}));
    ok(query.join(kind, std::move(sums), {equal(0, 3)}));
    const auto built = query.build();
    return std::get<QueryPtr>(built->joins.back().right.from);
  };
  for (const auto kind : {JoinKind::inner, JoinKind::left, JoinKind::semi, JoinKind::anti}) {
    const auto sums = joined(kind, of_region);
    ASSERT_EQ(sums->joins.size(), 1u);
    EXPECT_EQ(sums->joins[0].kind, JoinKind::semi);
    const auto& keys = std::get<QueryPtr>(sums->joins[0].right.from);
    EXPECT_EQ(std::get<TableName>(keys->from.from).table, "users");
    EXPECT_EQ(keys->filters.size(), 1u);
  }
  EXPECT_TRUE(joined(JoinKind::inner, greater(0, 5))->joins.empty()) << "perhaps not few";
  EXPECT_TRUE(joined(JoinKind::not_in, of_region)->joins.empty()) << "whether there are rows matters";
  EXPECT_TRUE(joined(JoinKind::right, of_region)->joins.empty()) << "their rows are all there afterwards";
}

TEST_F(QueryBuilderTest, TakesNotInWithoutNullsForAnAntiJoin) {
  auto query = users();
  ok(query.join(JoinKind::not_in, orders(), {equal(0, 4)}));
  EXPECT_EQ(query.build()->joins[0].kind, JoinKind::anti);
  auto nullable = column("parent", Kind::int64);
  nullable.nullable = true;
  const QueryBuilder children({"public", "children"}, {nullable}, {}, capabilities_);
  auto unsure = users();
  ok(unsure.join(JoinKind::not_in, children, {equal(0, 3)}));
  EXPECT_EQ(unsure.build()->joins[0].kind, JoinKind::not_in);
  EXPECT_EQ(names(unsure), (Names{"id", "region", "score"}));
  auto some = children;
  ok(some.limit(3, 0));
  EXPECT_FALSE(users().join(JoinKind::not_in, std::move(some), {equal(0, 3)}));
  EXPECT_FALSE(users().join(JoinKind::not_in, orders(), {equal(0, 4), equal(0, 3)}));
}

TEST_F(QueryBuilderTest, KnowsBehindAGroupingThatAJoinFilledItsKeyWithNulls) {
  auto query = users();
  ok(query.join(JoinKind::left, orders(), {equal(0, 4)}));
  ok(query.group({ref(3), ref(0)}, {}));
  EXPECT_TRUE(query.columns()[0].nullable) << "of orders";
  EXPECT_FALSE(query.columns()[1].nullable) << "of users";
}

}  // namespace
}  // namespace weir::plan
