/// Sums and counts divided here, and DuckDB's own AVG: the same bits.
#include "engine/average.h"

#include <random>

#include <duckdb/main/extension/extension_loader.hpp>
#include <gtest/gtest.h>

namespace weir::engine {
namespace {

class AverageTest : public ::testing::Test {
 protected:
  AverageTest() {
    duckdb::ExtensionLoader(*database_.instance, "weir").RegisterFunction(average_function());
    for (const char* type :
         {"SMALLINT", "INTEGER", "BIGINT", "DECIMAL(4,2)", "DECIMAL(9,3)", "DECIMAL(18,0)", "DECIMAL(38,10)"}) {
      types_.emplace_back(type);
    }
  }
  duckdb::unique_ptr<duckdb::MaterializedQueryResult> query(const std::string& sql) {
    auto result = connection_.Query(sql);
    if (result->HasError()) throw std::runtime_error(sql + ": " + result->GetError());
    return result;
  }

  duckdb::DuckDB database_;
  duckdb::Connection connection_{database_};
  std::vector<std::string> types_;
};

TEST_F(AverageTest, GivesTheBitsOfDuckdbsAvg) {
  std::mt19937_64 random(std::random_device{}());
  for (const auto& type : types_) {
    // Decimals of four digits are kept in 16 bits, as SMALLINT is.
    const bool is_short = type == "SMALLINT" || type == "DECIMAL(4,2)";
    for (int round = 0; round < 50; ++round) {
      const auto seed = std::to_string(random() % 1'000'000'007);
      const auto most = is_short ? "99" : type == "INTEGER" ? "2147483647" : "999999999999999999";
      const auto value = "((hash(i * " + seed + ") % " + (type == "DECIMAL(9,3)" ? "999999" : most) + ")::HUGEINT - 5)";
      query("CREATE OR REPLACE TABLE t AS SELECT i % 7 AS k, " + value + "::" + type + " AS v FROM range(" +
            std::to_string(1 + random() % 300) + ") r(i)");
      const auto different = query("SELECT count(*) FROM (SELECT k, avg(v) AS theirs, weir_average(sum(v), count(v), " +
                                   std::string(is_short ? "true" : "false") +
                                   ") AS ours FROM t GROUP BY k) WHERE theirs IS DISTINCT FROM ours");
      ASSERT_EQ(different->GetValue(0, 0).GetValue<int64_t>(), 0) << type << " seed " << seed;
    }
  }
}

TEST_F(AverageTest, OfNothingIsNull) {
  EXPECT_TRUE(query("SELECT weir_average(NULL, 0, false)")->GetValue(0, 0).IsNull());
  EXPECT_TRUE(query("SELECT weir_average(0, 0, false)")->GetValue(0, 0).IsNull());
}

TEST_F(AverageTest, IsNotDividedOfFloats) {
  EXPECT_FALSE(divides_exact_sum(duckdb::LogicalType::DOUBLE));
  EXPECT_TRUE(divides_exact_sum(duckdb::LogicalType::DECIMAL(18, 3)));
}

}  // namespace
}  // namespace weir::engine
