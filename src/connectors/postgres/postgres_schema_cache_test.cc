#include "connectors/postgres/postgres_schema_cache.h"

#include <atomic>
#include <future>
#include <vector>

#include <gtest/gtest.h>

namespace weir::postgres {
namespace {

using std::chrono::seconds;
using std::chrono::steady_clock;

/// A source that counts how often it is read, and a clock that the test moves.
struct Fixture {
  std::atomic<int> loads = 0;
  steady_clock::time_point now{};
  SchemaCache cache{[this]() -> Result<IntrospectionPtr> {
                      loads++;
                      return std::make_shared<const Introspection>();
                    },
                    seconds(300), [this] { return now; }};
};

TEST(SchemaCache, KeepsWhatItReadForItsTime) {
  Fixture fixture;
  const auto first = fixture.cache.get(false);
  fixture.now += seconds(299);
  EXPECT_EQ(*fixture.cache.get(false), *first);
  fixture.now += seconds(1);
  EXPECT_NE(*fixture.cache.get(false), *first);
  EXPECT_EQ(fixture.loads, 2);
}

TEST(SchemaCache, ReadsAnewWhenAsked) {
  Fixture fixture;
  ASSERT_TRUE(fixture.cache.get(false));
  ASSERT_TRUE(fixture.cache.get(true));
  EXPECT_EQ(fixture.loads, 2);
}

TEST(SchemaCache, ReadsAnewAfterForgetting) {
  Fixture fixture;
  ASSERT_TRUE(fixture.cache.get(false));
  fixture.cache.forget();
  EXPECT_EQ(fixture.cache.peek(), nullptr);
  ASSERT_TRUE(fixture.cache.get(false));
  EXPECT_EQ(fixture.loads, 2);
}

TEST(SchemaCache, DoesNotKeepAnError) {
  int loads = 0;
  SchemaCache cache(
      [&]() -> Result<IntrospectionPtr> {
        if (loads++ == 0) return fail(ErrorCode::source_unreachable, "down");
        return std::make_shared<const Introspection>();
      },
      seconds(300));
  EXPECT_FALSE(cache.get(false));
  EXPECT_TRUE(cache.get(false));
}

TEST(SchemaCache, ThreadsThatAskAtOnceShareOneRead) {
  std::promise<void> release;
  const auto released = release.get_future().share();
  std::atomic<int> loads = 0;
  std::promise<void> started;
  SchemaCache cache(
      [&]() -> Result<IntrospectionPtr> {
        if (loads++ == 0) started.set_value();
        released.wait();
        return std::make_shared<const Introspection>();
      },
      seconds(300));
  std::vector<std::future<Result<IntrospectionPtr>>> asked;
  asked.push_back(std::async(std::launch::async, [&] { return cache.get(false); }));
  started.get_future().wait();
  for (int i = 0; i < 4; i++) asked.push_back(std::async(std::launch::async, [&] { return cache.get(false); }));
  release.set_value();
  for (auto& one : asked) EXPECT_TRUE(one.get());
  EXPECT_EQ(loads, 1);
}

TEST(SchemaCache, AReadFromBeforeForgettingIsNotKept) {
  SchemaCache* self = nullptr;
  int loads = 0;
  SchemaCache cache(
      [&]() -> Result<IntrospectionPtr> {
        if (loads++ == 0) self->forget();
        return std::make_shared<const Introspection>();
      },
      seconds(300));
  self = &cache;
  ASSERT_TRUE(cache.get(false));
  EXPECT_EQ(cache.peek(), nullptr);
  ASSERT_TRUE(cache.get(false));
  EXPECT_EQ(loads, 2);
}

}  // namespace
}  // namespace weir::postgres
