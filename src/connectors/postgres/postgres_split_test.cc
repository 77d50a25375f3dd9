#include "connectors/postgres/postgres_split.h"

#include <gtest/gtest.h>

namespace weir::postgres {
namespace {

const plan::TableName kOrders{"public", "orders"};

TEST(Cut, CoversEveryBlockOnceAndLeavesTheLastRangeOpen) {
  const auto pieces = cut({{kOrders, 100'000}}, 4);
  uint32_t expected = 0;
  for (size_t i = 0; i + 1 < pieces.size(); i++) {
    EXPECT_EQ(pieces[i].range.first_block, expected);
    ASSERT_TRUE(pieces[i].range.end_block);
    EXPECT_GT(*pieces[i].range.end_block, expected);
    expected = *pieces[i].range.end_block;
  }
  EXPECT_EQ(pieces.back().range.first_block, expected);
  EXPECT_LT(expected, 100'000u);
  EXPECT_FALSE(pieces.back().range.end_block);
}

TEST(Cut, MakesSeveralPiecesForEachStream) {
  const size_t pieces = cut({{kOrders, 1'000'000}}, 4).size();
  EXPECT_GE(pieces, 60u);
  EXPECT_LE(pieces, 65u);
}

TEST(Cut, ReadsASmallTableInOnePieceWithoutAnEnd) {
  const auto pieces = cut({{kOrders, 0}}, 4);
  ASSERT_EQ(pieces.size(), 1u);
  EXPECT_EQ(pieces[0].range.first_block, 0u);
  EXPECT_FALSE(pieces[0].range.end_block);
}

TEST(Cut, GivesEveryPartitionAnOpenEnd) {
  const auto pieces = cut({{{"public", "orders_1"}, 3}, {{"public", "orders_2"}, 4}}, 2);
  ASSERT_EQ(pieces.size(), 2u);
  EXPECT_EQ(pieces[0].table.table, "orders_1");
  EXPECT_EQ(pieces[1].table.table, "orders_2");
  EXPECT_FALSE(pieces[0].range.end_block);
  EXPECT_FALSE(pieces[1].range.end_block);
}

TEST(SequentiallyRead, FindsTheTablesUnderGatherAndAppend) {
  const auto tables =
      sequentially_read(R"([{"Plan": {"Node Type": "Gather", "Plans": [{"Node Type": "Append", "Plans": [
      {"Node Type": "Seq Scan", "Schema": "public", "Relation Name": "orders_1"},
      {"Node Type": "Seq Scan", "Schema": "public", "Relation Name": "orders_2"}]}]}}])");
  ASSERT_TRUE(tables);
  ASSERT_EQ(tables->size(), 2u);
  EXPECT_EQ((*tables)[1], (plan::TableName{"public", "orders_2"}));
}

TEST(SequentiallyRead, RefusesAnythingElse) {
  EXPECT_FALSE(
      sequentially_read(R"([{"Plan": {"Node Type": "Index Scan", "Schema": "public", "Relation Name": "o"}}])"));
  EXPECT_FALSE(sequentially_read(R"([{"Plan": {"Node Type": "Append", "Plans": [
      {"Node Type": "Seq Scan", "Schema": "public", "Relation Name": "o"},
      {"Node Type": "Foreign Scan", "Schema": "public", "Relation Name": "f"}]}}])"));
  EXPECT_FALSE(sequentially_read(R"([{"Plan": {"Node Type": "Result"}}])"));
  EXPECT_FALSE(sequentially_read("not JSON"));
  EXPECT_FALSE(sequentially_read("[]"));
}

TEST(AllRead, FindsEveryTableOfAPlan) {
  const auto tables = all_read(R"([{"Plan": {"Node Type": "Hash Join", "Plans": [
      {"Node Type": "Index Scan", "Schema": "public", "Relation Name": "orders"},
      {"Node Type": "Hash", "Plans": [{"Node Type": "Seq Scan", "Schema": "sales", "Relation Name": "users"}]}]}}])");
  EXPECT_EQ(tables, (std::vector<plan::TableName>{{"public", "orders"}, {"sales", "users"}}));
  EXPECT_TRUE(all_read("not JSON").empty());
}

}  // namespace
}  // namespace weir::postgres
