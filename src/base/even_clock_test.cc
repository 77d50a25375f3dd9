#include "base/even_clock.h"

#include <gtest/gtest.h>

namespace weir {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::steady_clock;
using std::chrono::system_clock;

class EvenClockTest : public testing::Test {
 protected:
  void pass(minutes time) {
    steady += time;
    day += time;
  }

  steady_clock::time_point steady{hours(100)};
  system_clock::time_point day{hours(500'000)};
  EvenClock clock{hours(24), {[this] { return day; }, [this] { return steady; }}};
};

TEST_F(EvenClockTest, goes_with_the_day) {
  for (int i = 0; i < 100; ++i) {
    pass(minutes(10));
    EXPECT_EQ(clock.now(), day);
  }
}

TEST_F(EvenClockTest, does_not_jump_forward_with_it) {
  const auto before = day;
  day += hours(5);
  for (int i = 1; i <= 23; ++i) {
    pass(hours(1));
    EXPECT_EQ(clock.now(), before + hours(i));
  }
}

TEST_F(EvenClockTest, believes_a_jump_when_all_from_before_it_is_old) {
  day += hours(5);
  static_cast<void>(clock.now());
  pass(hours(24));
  EXPECT_EQ(clock.now(), day);
  pass(hours(24));
  EXPECT_EQ(clock.now(), day);
}

TEST_F(EvenClockTest, follows_a_jump_backward) {
  pass(hours(1));
  day -= hours(5);
  EXPECT_EQ(clock.now(), day);
  pass(minutes(1));
  EXPECT_EQ(clock.now(), day);
}

TEST_F(EvenClockTest, a_jump_that_is_taken_back_was_none) {
  day += hours(5);
  static_cast<void>(clock.now());
  pass(hours(20));
  day -= hours(5);
  EXPECT_EQ(clock.now(), day);
  day += hours(1);
  pass(hours(10));
  EXPECT_EQ(clock.now(), day - hours(1)) << "the time of the first jump does not count for the second";
}

}  // namespace
}  // namespace weir
