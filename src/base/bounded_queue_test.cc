#include "base/bounded_queue.h"

#include <atomic>
#include <future>
#include <memory>
#include <thread>

#include <gtest/gtest.h>

namespace weir {
namespace {

using Queue = BoundedQueue<int>;
using State = Queue::State;

constexpr Queue::Limits kWide{.bytes_max = 1000, .items_max = 1000};

/// The state that a poll answers, for assertions.
State state_of(Queue& queue) { return queue.try_pop(nullptr)->state; }

TEST(BoundedQueue, GivesItemsInTheirOrderAndThenTheEnd) {
  Queue queue(kWide);
  ASSERT_TRUE(queue.push(1, 8, {}));
  ASSERT_TRUE(queue.push(2, 8, {}));
  queue.close();
  EXPECT_EQ(queue.try_pop(nullptr)->item, 1);
  EXPECT_EQ(queue.try_pop(nullptr)->item, 2);
  EXPECT_EQ(state_of(queue), State::end);
}

TEST(BoundedQueue, CallsBackOnceForAPush) {
  Queue queue(kWide);
  int calls = 0;
  EXPECT_EQ(queue.try_pop([&] { calls++; })->state, State::pending);
  ASSERT_TRUE(queue.push(1, 8, {}));
  ASSERT_TRUE(queue.push(2, 8, {}));
  EXPECT_EQ(calls, 1);
}

TEST(BoundedQueue, DoesNotCallBackWhenAnItemWasThere) {
  Queue queue(kWide);
  int calls = 0;
  ASSERT_TRUE(queue.push(1, 8, {}));
  EXPECT_EQ(queue.try_pop([&] { calls++; })->state, State::item);
  queue.close();
  EXPECT_EQ(calls, 0);
}

TEST(BoundedQueue, CallsBackEveryWaitingConsumerAtTheEnd) {
  Queue queue(kWide);
  int calls = 0;
  for (int i = 0; i < 3; i++) EXPECT_EQ(queue.try_pop([&] { calls++; })->state, State::pending);
  queue.close();
  EXPECT_EQ(calls, 3);
}

TEST(BoundedQueue, ACallbackMayPoll) {
  Queue queue(kWide);
  std::optional<int> got;
  EXPECT_EQ(queue.try_pop([&] { got = queue.try_pop(nullptr)->item; })->state, State::pending);
  ASSERT_TRUE(queue.push(7, 8, {}));
  EXPECT_EQ(got, 7);
}

/// Pushes on another thread and hands over what `push` answered.
std::future<bool> push_later(Queue& queue, int item, uint64_t bytes, std::stop_token stop = {}) {
  return std::async(std::launch::async, [&queue, item, bytes, stop] { return queue.push(item, bytes, stop); });
}

TEST(BoundedQueue, APushWaitsForRoomInBytes) {
  Queue queue({.bytes_max = 10, .items_max = 100});
  ASSERT_TRUE(queue.push(1, 6, {}));
  auto second = push_later(queue, 2, 6);
  EXPECT_EQ(queue.bytes(), 6u);
  EXPECT_EQ(queue.try_pop(nullptr)->item, 1);
  EXPECT_TRUE(second.get());
  EXPECT_EQ(queue.try_pop(nullptr)->item, 2);
}

TEST(BoundedQueue, APushWaitsForRoomInItems) {
  Queue queue({.bytes_max = 100, .items_max = 1});
  ASSERT_TRUE(queue.push(1, 1, {}));
  auto second = push_later(queue, 2, 1);
  EXPECT_EQ(queue.try_pop(nullptr)->item, 1);
  EXPECT_TRUE(second.get());
}

TEST(BoundedQueue, AnEmptyQueueTakesAnItemThatIsTooLarge) {
  Queue queue({.bytes_max = 10, .items_max = 100});
  EXPECT_TRUE(queue.push(1, 1'000'000, {}));
  EXPECT_EQ(queue.try_pop(nullptr)->item, 1);
  EXPECT_EQ(queue.bytes(), 0u);
}

TEST(BoundedQueue, AStopRequestEndsAWaitingPush) {
  Queue queue({.bytes_max = 10, .items_max = 1});
  std::stop_source stop;
  ASSERT_TRUE(queue.push(1, 1, {}));
  auto second = push_later(queue, 2, 1, stop.get_token());
  stop.request_stop();
  EXPECT_FALSE(second.get());
}

TEST(BoundedQueue, AFailureDropsItemsAndEndsAWaitingPush) {
  Queue queue({.bytes_max = 10, .items_max = 1});
  ASSERT_TRUE(queue.push(1, 1, {}));
  auto second = push_later(queue, 2, 1);
  queue.fail(Error{ErrorCode::source_connection_lost, "gone", {}, {}});
  EXPECT_FALSE(second.get());
  EXPECT_EQ(queue.bytes(), 0u);
  EXPECT_EQ(queue.try_pop(nullptr).error().code, ErrorCode::source_connection_lost);
}

TEST(BoundedQueue, TheFirstFailureStays) {
  Queue queue(kWide);
  queue.fail(Error{ErrorCode::schema_drift, "changed", {}, {}});
  queue.fail(Error{ErrorCode::internal, "later", {}, {}});
  queue.cancel();
  queue.close();
  EXPECT_EQ(queue.try_pop(nullptr).error().code, ErrorCode::schema_drift);
}

TEST(BoundedQueue, CancellingAnswersCancelledAndCallsBack) {
  Queue queue(kWide);
  int calls = 0;
  EXPECT_EQ(queue.try_pop([&] { calls++; })->state, State::pending);
  queue.cancel();
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(queue.try_pop(nullptr).error().code, ErrorCode::cancelled);
}

TEST(BoundedQueue, ItemsThatAreLeftAfterTheCloseAreDroppedByACancel) {
  Queue queue(kWide);
  ASSERT_TRUE(queue.push(1, 8, {}));
  queue.close();
  queue.cancel();
  EXPECT_EQ(queue.try_pop(nullptr).error().code, ErrorCode::cancelled);
}

TEST(BoundedQueue, HoldsItemsThatOnlyMove) {
  BoundedQueue<std::unique_ptr<int>> queue({.bytes_max = 10, .items_max = 10});
  ASSERT_TRUE(queue.push(std::make_unique<int>(5), 4, {}));
  EXPECT_EQ(**queue.try_pop(nullptr)->item, 5);
}

/// Takes everything, waiting for callbacks; gives the sum.
int64_t drain(Queue& queue) {
  int64_t sum = 0;
  for (;;) {
    auto ready = std::make_shared<std::promise<void>>();
    auto popped = queue.try_pop([ready] { ready->set_value(); });
    if (popped->state == State::end) return sum;
    if (popped->state == State::item) sum += *popped->item;
    if (popped->state == State::pending) ready->get_future().wait();
  }
}

TEST(BoundedQueue, EveryItemReachesOneOfManyConsumers) {
  constexpr int kItems = 2000;
  constexpr int kThreads = 3;
  Queue queue({.bytes_max = 16, .items_max = 4});
  std::vector<std::future<int64_t>> consumers;
  for (int i = 0; i < kThreads; i++) consumers.push_back(std::async(std::launch::async, [&] { return drain(queue); }));
  {
    std::vector<std::jthread> producers;
    for (int i = 0; i < kThreads; i++) {
      producers.emplace_back([&] {
        for (int item = 1; item <= kItems; item++) ASSERT_TRUE(queue.push(item, 4, {}));
      });
    }
  }
  queue.close();
  int64_t sum = 0;
  for (auto& consumer : consumers) sum += consumer.get();
  EXPECT_EQ(sum, int64_t{kThreads} * kItems * (kItems + 1) / 2);
}

}  // namespace
}  // namespace weir
