#include "engine/excluded_keys.h"

#include <algorithm>
#include <limits>
#include <random>
#include <set>

#include <gtest/gtest.h>

namespace weir::engine {
namespace {

using Order = std::pair<uint64_t, uint64_t>;

/// The positions of the keys that are kept.
std::vector<uint32_t> kept_of(const ExcludedKeys& set, const std::vector<ExcludedKey>& keys) {
  std::vector<uint64_t> low, high;
  for (const auto& key : keys) {
    low.push_back(key.low);
    high.push_back(key.high);
  }
  std::vector<uint32_t> kept(keys.size());
  kept.resize(set.keep(low, high, kept.data()));
  if (std::ranges::all_of(high, [](uint64_t half) { return half == 0; })) {
    std::vector<uint32_t> again(keys.size());
    again.resize(set.keep(low, {}, again.data()));
    EXPECT_EQ(kept, again);
  }
  return kept;
}

TEST(ExcludedKeysTest, has_nothing_without_keys) {
  EXPECT_TRUE(ExcludedKeys().empty());
  EXPECT_TRUE(ExcludedKeys(std::span<const ExcludedKey>()).empty());
}

TEST(ExcludedKeysTest, finds_what_a_set_finds) {
  std::mt19937_64 random(std::random_device{}());
  for (const size_t size : {1, 2, 3, 7, 64, 1000, 100'000}) {
    // Few distinct values, so that keys come twice and others are near misses.
    std::uniform_int_distribution<uint64_t> near(0, size), any;
    std::set<Order> expected;
    std::vector<ExcludedKey> keys;
    for (size_t i = 0; i < size; ++i) {
      const ExcludedKey key = i % 3 == 0 ? ExcludedKey{any(random), any(random)} : ExcludedKey{near(random), i % 2};
      keys.push_back(key);
      expected.emplace(key.low, key.high);
    }
    const ExcludedKeys set(keys);
    EXPECT_FALSE(set.empty());
    for (const auto& key : keys) ASSERT_TRUE(set.contains(key));
    EXPECT_TRUE(kept_of(set, keys).empty());
    for (int i = 0; i < 100'000; ++i) {
      const ExcludedKey key{near(random), near(random) % 3};
      ASSERT_EQ(set.contains(key), expected.contains({key.low, key.high})) << key.low << " " << key.high;
    }
  }
}

/// Integers near to each other and far apart, at both ends of their range.
TEST(ExcludedKeysTest, finds_integers_wherever_they_lie) {
  constexpr int64_t kLeast = std::numeric_limits<int64_t>::min(), kMost = std::numeric_limits<int64_t>::max();
  const auto key_of = [](int64_t value) { return ExcludedKey{static_cast<uint64_t>(value), 0}; };
  for (const int64_t first : {kLeast, int64_t{-1000}, int64_t{0}, int64_t{1} << 40, kMost - 100'000}) {
    for (const int64_t step : {1, 2, 63, 64, 65, 99}) {
      std::vector<ExcludedKey> keys;
      for (int64_t i = 0; i < 1000; ++i) keys.push_back(key_of(first + i * step));
      for (const bool far : {false, true}) {
        if (far) keys.push_back(key_of(first < 0 ? kMost : kLeast));
        const ExcludedKeys set(keys);
        for (int64_t i = 0; i < 1000 * step; ++i) ASSERT_EQ(set.contains(key_of(first + i)), i % step == 0);
        ASSERT_EQ(set.contains(key_of(first < 0 ? kMost : kLeast)), far);
        ASSERT_FALSE(set.contains({static_cast<uint64_t>(first), 1}));
        const std::vector<ExcludedKey> asked = {key_of(first), key_of(first + step * 1000), key_of(first + step),
                                                key_of(77)};
        const std::vector<uint32_t> others = {1}, and_last = {1, 3};
        ASSERT_EQ(kept_of(set, asked), set.contains(key_of(77)) ? others : and_last);
      }
    }
  }
}

}  // namespace
}  // namespace weir::engine
