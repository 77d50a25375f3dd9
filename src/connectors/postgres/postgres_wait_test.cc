#include "connectors/postgres/postgres_wait.h"

#include <array>
#include <future>
#include <thread>

#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

namespace weir::postgres {
namespace {

using Outcome = Waiter::Outcome;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

/// A pipe: the reading end becomes ready when something is written.
struct Pipe {
  Pipe() { EXPECT_EQ(pipe(ends.data()), 0); }
  ~Pipe() {
    close(ends[0]);
    close(ends[1]);
  }
  void write_something() { EXPECT_EQ(write(ends[1], "x", 1), 1); }
  std::array<int, 2> ends{};
};

TEST(Waiter, AnswersReadyWhenThereIsSomethingToRead) {
  Pipe pipe;
  Waiter waiter;
  pipe.write_something();
  EXPECT_EQ(waiter.wait(pipe.ends[0], POLLIN, kNoDeadline), Outcome::ready);
}

TEST(Waiter, TimesOut) {
  Pipe pipe;
  Waiter waiter;
  const auto deadline = steady_clock::now() + milliseconds(5);
  EXPECT_EQ(waiter.wait(pipe.ends[0], POLLIN, deadline), Outcome::timed_out);
  EXPECT_GE(steady_clock::now(), deadline);
}

TEST(Waiter, AStopFromAnotherThreadEndsTheWait) {
  Pipe pipe;
  std::stop_source stop;
  std::promise<void> started;
  auto waiting = std::async(std::launch::async, [&] {
    Waiter waiter(stop.get_token());
    started.set_value();
    return waiter.wait(pipe.ends[0], POLLIN, kNoDeadline);
  });
  started.get_future().wait();
  stop.request_stop();
  EXPECT_EQ(waiting.get(), Outcome::stopped);
}

TEST(Waiter, AStopGoesBeforeWhatIsReady) {
  Pipe pipe;
  pipe.write_something();
  std::stop_source stop;
  stop.request_stop();
  Waiter waiter(stop.get_token());
  EXPECT_EQ(waiter.wait(pipe.ends[0], POLLIN, kNoDeadline), Outcome::stopped);
  EXPECT_EQ(waiter.pause(std::chrono::hours(1)), Outcome::stopped);
}

TEST(Waiter, AFailedSocketCountsAsReady) {
  Waiter waiter;
  Pipe pipe;
  close(std::exchange(pipe.ends[1], dup(pipe.ends[0])));
  EXPECT_EQ(waiter.wait(pipe.ends[0], POLLIN, kNoDeadline), Outcome::ready);
}

}  // namespace
}  // namespace weir::postgres
