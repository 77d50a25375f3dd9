#include "engine/query_estimate.h"

#include <gtest/gtest.h>

#include "plan/query_builder.h"

namespace weir::engine {
namespace {

using plan::AggregateFunction;
using plan::Comparison;
using plan::JoinKind;
using plan::Kind;
using plan::Operation;
using plan::QueryBuilder;

plan::ExpressionPtr ref(size_t index) { return plan::make(plan::ColumnRef{index}); }
plan::ExpressionPtr equal(const plan::ExpressionPtr& left, const plan::ExpressionPtr& right) {
  return plan::make(plan::Compare{Comparison::equal, left, right});
}
plan::Column column(std::string name) {
  return {.name = std::move(name), .type = {Kind::int64, 0, 0, {}}, .source_type = "bigint"};
}

/// parts (id, brand) of 25 brands, and items (part, amount), 30 of each part.
class QueryEstimateTest : public ::testing::Test {
 protected:
  QueryEstimateTest() {
    parts_ = {.name = {"public", "parts"}, .columns = {column("id"), column("brand")}, .primary_key = {"id"}};
    parts_.estimated_rows = 1'000;
    parts_.statistics = {{.distinct_values = 1'000}, {.distinct_values = 25}};
    items_ = {.name = {"public", "items"}, .columns = {column("part"), column("amount")}, .primary_key = {}};
    items_.estimated_rows = 30'000;
    items_.statistics = {{.distinct_values = 1'000}, {.distinct_values = 0}};
  }
  QueryBuilder of(const connector::TableInfo& table) const { return {table.name, table.columns, {}, capabilities_}; }
  QueryBuilder one_brand() const {
    auto query = of(parts_);
    EXPECT_TRUE(query.filter(equal(ref(1), plan::make(plan::Constant{{Kind::int64, 0, 0, {}}, int64_t{7}}))));
    return query;
  }
  double rows(const QueryBuilder& query) const { return estimate(*query.build(), tables_).rows; }

  const std::array<plan::Rule, 4> rules_ = {{{Kind::int64, Operation::equality},
                                             {Kind::int64, Operation::null_test},
                                             {Kind::int64, Operation::grouping},
                                             {Kind::int64, Operation::sum}}};
  const plan::Capabilities capabilities_ = {
      .rules = rules_, .limit = true, .aggregate = true, .join = true, .union_all = true, .in_list_length_max = 10};
  connector::TableInfo parts_, items_;
  const TableOf tables_ = [this](const plan::TableName& name) {
    return name.table == "parts" ? &parts_ : name.table == "items" ? &items_ : nullptr;
  };
};

TEST_F(QueryEstimateTest, CountsFiltersByTheValuesOfTheirColumns) {
  EXPECT_DOUBLE_EQ(rows(of(parts_)), 1'000);
  EXPECT_DOUBLE_EQ(rows(one_brand()), 40);
}

TEST_F(QueryEstimateTest, JoinsByTheSideWithMoreValues) {
  auto inner = of(items_);
  ASSERT_TRUE(inner.join(JoinKind::inner, one_brand(), {equal(ref(0), ref(2))}));
  EXPECT_NEAR(rows(inner), 30'000 * 40 / 1'000, 1);
  auto semi = of(parts_);
  ASSERT_TRUE(semi.join(JoinKind::semi, of(items_), {equal(ref(0), ref(2))}));
  EXPECT_DOUBLE_EQ(rows(semi), 1'000) << "each part once";
  auto left = one_brand();
  ASSERT_TRUE(left.join(JoinKind::left, of(items_), {equal(ref(0), ref(2))}));
  EXPECT_GE(rows(left), 40);
}

TEST_F(QueryEstimateTest, HasAGroupForEachValueOfTheKeys) {
  auto groups = of(items_);
  ASSERT_TRUE(groups.group({ref(0)}, {{AggregateFunction::sum, ref(1)}}));
  EXPECT_DOUBLE_EQ(rows(groups), 1'000);
  EXPECT_DOUBLE_EQ(estimate(*groups.build(), tables_).distinct[0], 1'000);
  EXPECT_DOUBLE_EQ(estimate(*groups.build(), tables_).distinct[1], 0) << "of a sum nobody knows";
  auto whole = of(items_);
  ASSERT_TRUE(whole.group({}, {{AggregateFunction::sum, ref(1)}}));
  EXPECT_DOUBLE_EQ(rows(whole), 1);
  ASSERT_TRUE(groups.limit(5, 0));
  EXPECT_DOUBLE_EQ(rows(groups), 5);
}

/// Each level once: a walk for every column of every level would take hours here.
TEST_F(QueryEstimateTest, LooksAtDeepQueriesOnce) {
  auto deep = of(items_);
  for (int level = 0; level < 60; ++level) {
    ASSERT_TRUE(deep.group({ref(0), ref(1)}, {}));
    ASSERT_TRUE(deep.limit(1'000'000, 0));
  }
  EXPECT_DOUBLE_EQ(estimate(*deep.build(), tables_).distinct[0], 1'000);
}

}  // namespace
}  // namespace weir::engine
