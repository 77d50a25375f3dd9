#include "lake/retention.h"

#include <memory>

#include <gtest/gtest.h>

namespace weir::lake {
namespace {

using std::chrono::hours;

TEST(Retention, the_longest_wish_wins_and_for_ever_is_longest) {
  Retention retention;
  EXPECT_FALSE(retention.longest()) << "nobody wants anything expired";
  const Retention::Wish day(retention, hours(24));
  auto month = std::make_unique<Retention::Wish>(retention, hours(720));
  EXPECT_EQ(retention.longest(), hours(720));
  {
    const Retention::Wish for_ever(retention, hours(0));
    EXPECT_FALSE(retention.longest());
  }
  month.reset();
  EXPECT_EQ(retention.longest(), hours(24));
}

TEST(Retention, one_of_many_callers_expires) {
  Retention retention;
  EXPECT_TRUE(retention.is_due());
  EXPECT_FALSE(retention.is_due());
}

}  // namespace
}  // namespace weir::lake
