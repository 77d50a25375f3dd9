#include "engine/key_list_cost.h"

#include <gtest/gtest.h>

namespace weir::engine {
namespace {

KeyListCase keys(size_t count, double rows, double distinct) {
  return {.keys = count, .rows = rows, .column = {.distinct_values = distinct}};
}

TEST(AListOfKeys, PaysWhenItLeavesFewOfManyRows) {
  EXPECT_TRUE(list_pays(keys(204, 6e6, 200'000)));
  EXPECT_TRUE(list_pays(keys(5'000, 1e6, 1e6)));
  EXPECT_FALSE(list_pays(keys(20'000, 30'000, 30'000))) << "more to send than to save";
}

TEST(AListOfKeys, DoesNotPayWhenItNamesMostValues) {
  EXPECT_FALSE(list_pays(keys(7, 6e6, 7)));
  EXPECT_FALSE(list_pays(keys(1'000, 6'000, 1'100)));
  EXPECT_DOUBLE_EQ(rows_left_by(keys(7, 6e6, 7)), 6e6);
}

TEST(AListOfKeys, HasOneRowForEachWhenNobodyHasCounted) {
  EXPECT_DOUBLE_EQ(rows_left_by(keys(60, 5'000, 0)), 60);
  EXPECT_TRUE(list_pays(keys(60, 5'000, 0)));
}

TEST(AListOfKeys, IsWorthMoreWithAnIndexThatFindsItsRowsTogether) {
  auto one = keys(1'000, 4'300, 4'300);
  EXPECT_TRUE(list_pays(one));
  one = keys(1'050, 4'100, 4'100);
  EXPECT_FALSE(list_pays(one));
  one.column.leads_an_index = true;
  EXPECT_FALSE(list_pays(one)) << "each row in a place of its own";
  one.column.correlation = -1;
  EXPECT_TRUE(list_pays(one));
}

}  // namespace
}  // namespace weir::engine
