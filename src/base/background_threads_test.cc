#include "base/background_threads.h"

#include <atomic>
#include <latch>

#include <gtest/gtest.h>

namespace weir {
namespace {

TEST(BackgroundThreads, TasksNeverWaitForEachOther) {
  constexpr int kTasks = 20;
  std::latch all_run(kTasks);
  BackgroundThreads threads;
  for (int i = 0; i < kTasks; ++i) threads.run([&] { all_run.arrive_and_wait(); });
  all_run.wait();
}

TEST(BackgroundThreads, TheDestructorWaitsForWhatWasGiven) {
  constexpr int kTasks = 1000;
  std::atomic<int> done = 0;
  {
    BackgroundThreads threads;
    for (int i = 0; i < kTasks; ++i) threads.run([&] { ++done; });
  }
  EXPECT_EQ(done, kTasks);
}

TEST(BackgroundThreads, ATaskMayGiveAnother) {
  std::atomic<int> done = 0;
  {
    BackgroundThreads threads;
    threads.run([&] { threads.run([&] { ++done; }); });
  }
  EXPECT_EQ(done, 1);
}

}  // namespace
}  // namespace weir
