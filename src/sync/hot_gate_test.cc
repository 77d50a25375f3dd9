#include "sync/hot_gate.h"

#include <atomic>
#include <chrono>
#include <thread>

#include <gtest/gtest.h>

namespace weir::sync {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

TEST(HotGate, a_fold_does_not_wait_for_a_long_transaction) {
  HotGate gate;
  gate.enter();
  const auto began = steady_clock::now();
  EXPECT_FALSE(HotGate::FoldStep(gate));
  EXPECT_LT(steady_clock::now() - began, std::chrono::seconds(5));
  EXPECT_TRUE(gate.is_held_long());
  gate.leave();
  EXPECT_FALSE(gate.is_held_long());
  EXPECT_TRUE(HotGate::FoldStep(gate));
}

TEST(HotGate, a_fold_gives_way_to_a_transaction_that_wants_the_lake) {
  HotGate gate;
  gate.enter();
  gate.want_lake();
  EXPECT_FALSE(HotGate::FoldStep(gate));
  gate.leave();
  EXPECT_TRUE(HotGate::FoldStep(gate));
}

TEST(HotGate, a_step_waits_for_the_transaction_and_the_next_one_for_the_step) {
  HotGate gate;
  gate.enter();
  std::atomic<bool> committing = true, stepped = false;
  std::jthread other([&] {
    const HotGate::Step step(gate);
    EXPECT_FALSE(committing);
    stepped = true;
  });
  std::this_thread::sleep_for(milliseconds(20));  // so that it waits; a step that did not would fail above
  EXPECT_FALSE(stepped);
  committing = false;
  gate.leave();
  gate.enter();  // a step that waits goes first
  EXPECT_TRUE(stepped);
  gate.leave();
}

}  // namespace
}  // namespace weir::sync
