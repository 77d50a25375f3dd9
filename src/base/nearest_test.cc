#include "base/nearest.h"

#include <vector>

#include <gtest/gtest.h>

namespace weir {
namespace {

const std::vector<std::string> kOptions = {"pool_size", "numeric_mode", "connect_timeout_ms", "url"};

TEST(Nearest, FindsANameWithALetterMissing) { EXPECT_EQ(nearest("pol_size", kOptions), "pool_size"); }

TEST(Nearest, CountsSwappedNeighboursAsOneEdit) { EXPECT_EQ(nearest("ulr", kOptions), "url"); }

TEST(Nearest, IgnoresLetterCase) { EXPECT_EQ(nearest("Pool_Size", kOptions), "pool_size"); }

TEST(Nearest, FindsNothingWhenNoNameIsNear) {
  EXPECT_EQ(nearest("password", kOptions), std::nullopt);
  EXPECT_EQ(nearest("x", kOptions), std::nullopt);
  EXPECT_EQ(nearest("", kOptions), std::nullopt);
  EXPECT_EQ(nearest("url", {}), std::nullopt);
}

TEST(Nearest, NeverOffersANameThatSharesNoLetter) {
  const std::vector<std::string> known = {"b"};
  EXPECT_EQ(nearest("a", known), std::nullopt);
}

TEST(Nearest, TakesTheFirstAmongEquals) {
  const std::vector<std::string> known = {"user_b", "user_a"};
  EXPECT_EQ(nearest("user_c", known), "user_b");
}

TEST(Nearest, PrefersTheSmallerDistance) {
  const std::vector<std::string> known = {"orders_of", "orders"};
  EXPECT_EQ(nearest("order", known), "orders");
}

TEST(DidYouMean, IsAQuestionOrEmpty) {
  EXPECT_EQ(did_you_mean("numeric_mod", kOptions), "did you mean 'numeric_mode'?");
  EXPECT_EQ(did_you_mean("something else", kOptions), "");
}

}  // namespace
}  // namespace weir
