#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "plan/capabilities.h"
#include "plan/scan_summary.h"

namespace weir::plan {
namespace {

Column named(std::string name) {
  return {.name = std::move(name),
          .type = {},
          .collation = Collation::not_text,
          .nullable = true,
          .source_type = "test",
          .cast_to_text = false};
}

const std::vector<Column> kColumns = {named("region"), named("Total Sum"), named("active")};

Constant number(int64_t value) { return {{Kind::int64, 0, 0, {}}, value}; }
ExpressionPtr column(size_t index) { return make(ColumnRef{index}); }
ExpressionPtr equals(size_t index) { return make(Compare{Comparison::equal, column(index), make(number(1))}); }

std::string show(const ExpressionPtr& expression) {
  int next = 1;
  return display(*expression, kColumns, next);
}

TEST(Display, ShowsConstantsAsParameters) { EXPECT_EQ(show(equals(0)), "region = $1"); }

TEST(Display, CountsParametersOnOverTheFiltersOfAScan) {
  int next = 1;
  EXPECT_EQ(display(*equals(0), kColumns, next), "region = $1");
  EXPECT_EQ(display(*equals(2), kColumns, next), "active = $2");
  EXPECT_EQ(next, 3);
}

TEST(Display, QuotesNamesThatNeedIt) { EXPECT_EQ(show(equals(1)), "\"Total Sum\" = $1"); }

TEST(Display, PutsParenthesesAroundInnerTreesOnly) {
  EXPECT_EQ(show(make(Or{{equals(0), make(And{{equals(2), column(2)}})}})), "region = $1 OR (active = $2 AND active)");
  EXPECT_EQ(show(make(Not{make(Or{{equals(0), column(2)}})})), "NOT (region = $1 OR active)");
}

TEST(Display, ShortensLongLists) {
  EXPECT_EQ(show(make(In{column(0), {number(1), number(2)}, true})), "region NOT IN ($1, $2)");
  int next = 1;
  EXPECT_EQ(display(*make(In{column(0), std::vector<Constant>(97, number(1)), false}), kColumns, next),
            "region IN ($1 … $97)");
  EXPECT_EQ(next, 98);
}

TEST(Display, ShowsWherePatternsAreOpen) {
  const auto like = [](Match match, bool negated) { return show(make(Like{column(0), match, "x", negated})); };
  EXPECT_EQ(like(Match::like, true), "region NOT LIKE $1");
  EXPECT_EQ(like(Match::prefix, false), "region LIKE $1 || '%'");
  EXPECT_EQ(like(Match::suffix, false), "region LIKE '%' || $1");
  EXPECT_EQ(like(Match::contains, false), "region LIKE '%' || $1 || '%'");
}

TEST(Display, ShowsNullTests) {
  EXPECT_EQ(show(make(IsNull{column(2), false})), "active IS NULL");
  EXPECT_EQ(show(make(IsNull{column(2), true})), "active IS NOT NULL");
}

TEST(TypeNames, NameParametersAndChildren) {
  EXPECT_EQ(to_string(Type{Kind::decimal, 12, 2, {}}), "decimal(12,2)");
  EXPECT_EQ(to_string(Type{Kind::list, 0, 0, {{Kind::timestamptz, 0, 0, {}}}}), "list(timestamptz)");
}

TEST(ScanSummaryJson, HasTheKeysOfTheSeed) {
  ScanSummary summary;
  summary.source = "pg_prod";
  summary.table = "public.users";
  summary.filters_pushed = {"region = $1"};
  summary.limit_pushed = 50;
  summary.rows_returned = 50;
  EXPECT_EQ(nlohmann::json(summary), nlohmann::json::parse(R"({
      "source": "pg_prod", "table": "public.users", "filters_pushed": ["region = $1"], "filters_residual": [],
      "projection_pushed": false, "limit_pushed": 50, "sort_pushed": null, "agg_pushed": null,
      "agg_residual_reason": null, "join_pushed": false, "remote_query": null, "residual_reasons": [],
      "scan_duration_ms": 0.0, "rows_returned": 50, "bytes_received": 0})"));
}

}  // namespace
}  // namespace weir::plan
