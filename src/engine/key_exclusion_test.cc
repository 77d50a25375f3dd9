/// The rows of a live copy without those that hot rows supersede: as DuckDB's own join gives them.
#include <fmt/format.h>

#include "engine/engine_test_fixture.h"

namespace weir::engine {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class KeyExclusionTest : public testing::EngineTest {
 protected:
  void SetUp() override {
    open();
    session_ = engine_->open_session().value();
    run("CREATE SCHEMA __weir_hot.\"shop.public\"");
    run("CREATE SCHEMA weir.\"shop.public\"");
  }
  void TearDown() override { session_.reset(); }

  void run(const std::string& sql) {
    const auto done = session_->run(sql);
    ASSERT_TRUE(done) << sql << ": " << done.error().to_string();
  }
  std::string all_of(const std::string& sql) {
    auto answer = session_->rows(sql);
    EXPECT_TRUE(answer) << sql << ": " << answer.error().to_string();
    std::string text;
    for (const auto& row : answer.value_or(std::vector<std::vector<std::string>>{})) {
      for (const auto& value : row) text += value + "|";
      text += "\n";
    }
    return text;
  }
  /// Rows with the keys `key(range)`, of which some are hot; the last row's key is NULL.
  void fill(const std::string& key, int rows, int hot_every, int hot_from = 0) {
    run(
        fmt::format("CREATE OR REPLACE TABLE weir.\"shop.public\".t AS SELECT {}, i AS a, 'row ' || i AS b FROM "
                    "(SELECT CASE WHEN range < {} THEN range END AS i FROM range({}))",
                    key, rows - 1, rows));
    run(
        fmt::format("CREATE OR REPLACE TABLE __weir_hot.\"shop.public\".t AS SELECT {}, i AS a, 'row ' || i AS b FROM "
                    "(SELECT range * {} + {} AS i FROM range({}))",
                    key, hot_every, hot_from, rows / hot_every));
    run("CREATE OR REPLACE TABLE weir.\"shop.public\".same AS FROM __weir_hot.\"shop.public\".t");
  }
  static std::string kept(const std::string& select, const std::string& keys, const std::string& hot) {
    return fmt::format("SELECT {0} FROM weir.\"shop.public\".t ANTI JOIN (SELECT {1} FROM {2}) USING ({1})", select,
                       keys, hot);
  }
  /// Compares all of the answer with that of DuckDB's own join.
  void expect_same(const std::string& keys, bool replaced) {
    const std::string hot = "__weir_hot.\"shop.public\".t", same = "weir.\"shop.public\".same";
    for (const std::string select : {"*", "count(*), sum(a), min(b)", "b, a", "count(*)"}) {
      const auto order = select.starts_with("count") ? "" : " ORDER BY ALL";
      EXPECT_EQ(all_of(kept(select, keys, hot) + order), all_of(kept(select, keys, same) + order)) << select;
    }
    const auto plan = all_of("EXPLAIN " + kept("*", keys, hot));
    if (replaced) {
      EXPECT_THAT(plan, HasSubstr("KEY_EXCLUSION"));
    } else {
      EXPECT_THAT(plan, Not(HasSubstr("KEY_EXCLUSION")));
    }
    EXPECT_THAT(all_of("EXPLAIN " + kept("*", keys, same)), Not(HasSubstr("KEY_EXCLUSION")));
  }

  std::unique_ptr<lake::SqlSession> session_;
};

TEST_F(KeyExclusionTest, gives_what_the_join_gives_for_short_keys) {
  for (const auto* key :
       {"i::BIGINT AS k", "(i % 30000 - 15000)::SMALLINT AS k", "(i - 5000)::INTEGER AS k", "i::UINTEGER AS k",
        "DATE '1999-12-31' + i::INTEGER AS k", "TIMESTAMP '1969-12-31' + to_seconds(i) AS k",
        "md5(i::VARCHAR)::UUID AS k", "(i - 77)::HUGEINT AS k", "i::DECIMAL(12,2) AS k", "i::DECIMAL(30,2) AS k"}) {
    SCOPED_TRACE(key);
    fill(key, 10'000, 7);
    expect_same("k", true);
  }
}

TEST_F(KeyExclusionTest, gives_what_the_join_gives_for_two_integers) {
  fill("(i % 100)::INTEGER AS k, -i::BIGINT AS l", 20'000, 11, 3);
  expect_same("k, l", true);
  expect_same("l, k", true);
}

TEST_F(KeyExclusionTest, leaves_other_keys_to_the_join) {
  for (const auto* key : {"'key ' || i AS k", "i::DOUBLE AS k", "(i::VARCHAR)::BLOB AS k"}) {
    SCOPED_TRACE(key);
    fill(key, 3'000, 7);
    expect_same("k", false);
  }
  fill("i::BIGINT AS k, md5(i::VARCHAR)::UUID AS l", 3'000, 7);
  expect_same("k, l", false);
}

TEST_F(KeyExclusionTest, excludes_nothing_all_and_many) {
  fill("i::BIGINT AS k", 5'000, 1);
  expect_same("k", true);
  run("DELETE FROM __weir_hot.\"shop.public\".t");
  run("DELETE FROM weir.\"shop.public\".same");
  EXPECT_EQ(all_of(kept("count(*)", "k", "__weir_hot.\"shop.public\".t")), "5000|\n");
  fill("i::BIGINT AS k", 300'000, 3);
  expect_same("k", true);
}

TEST_F(KeyExclusionTest, stands_in_larger_plans) {
  fill("i::BIGINT AS k", 50'000, 5);
  const auto query = [](const std::string& hot) {
    const auto kept_rows = kept("k, a, b", "k", hot);
    return fmt::format(
        "WITH c AS ({0} UNION ALL SELECT k, a, b FROM {1}) SELECT x.k % 10, count(*), sum(y.a) FROM c x JOIN c y ON "
        "x.k = y.a WHERE x.b LIKE '%1%' AND y.k > (SELECT min(k) + 3 FROM c) GROUP BY 1 ORDER BY 1 LIMIT 7",
        kept_rows, hot);
  };
  EXPECT_EQ(all_of(query("__weir_hot.\"shop.public\".t")), all_of(query("weir.\"shop.public\".same")));
}

}  // namespace
}  // namespace weir::engine
