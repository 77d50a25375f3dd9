#include "engine/join_translation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir::engine {
namespace {

using plan::JoinKind;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

plan::ExpressionPtr compare(plan::Comparison op, size_t left, size_t right) {
  return plan::make(plan::Compare{op, plan::make(plan::ColumnRef{left}), plan::make(plan::ColumnRef{right})});
}

TEST(EquatedColumns, AreThoseOfEqualitiesBetweenTheSides) {
  using plan::Comparison;
  const EquatedColumns found({compare(Comparison::equal, 1, 5), compare(Comparison::equal, 4, 0),
                              compare(Comparison::less, 2, 6), compare(Comparison::equal, 2, 3)},
                             /*left_count=*/4);
  EXPECT_THAT(found.left, ElementsAre(0, 1));
  EXPECT_THAT(found.right, ElementsAre(0, 1));
  const EquatedColumns none({compare(Comparison::greater, 0, 4)}, 4);
  EXPECT_THAT(none.left, IsEmpty());
  EXPECT_THAT(none.right, IsEmpty());
}

TEST(AJoin, GivesNoMoreRowsThanOneSideWhenTheOtherHasAKey) {
  for (const bool left : {false, true}) {
    for (const bool right : {false, true}) {
      EXPECT_EQ(gives_no_more_rows(JoinKind::inner, left, right), left || right);
      EXPECT_EQ(gives_no_more_rows(JoinKind::left, left, right), right);
      EXPECT_EQ(gives_no_more_rows(JoinKind::right, left, right), left);
      EXPECT_FALSE(gives_no_more_rows(JoinKind::full, left, right));
      EXPECT_TRUE(gives_no_more_rows(JoinKind::semi, left, right));
      EXPECT_TRUE(gives_no_more_rows(JoinKind::anti, left, right));
    }
  }
}

}  // namespace
}  // namespace weir::engine
