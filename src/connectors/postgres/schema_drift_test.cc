#include "connectors/postgres/schema_drift.h"

#include <gtest/gtest.h>

#include "connectors/postgres/type_oids.h"

namespace weir::postgres {
namespace {

using plan::Kind;

plan::Column column(Kind kind, uint8_t precision = 0, uint8_t scale = 0) {
  return {.name = "c", .type = {kind, precision, scale, {}}, .source_type = ""};
}

struct Case {
  SourceColumn from;
  plan::Column before;
  SourceColumn to;
  plan::Column after;
  bool widens;
  bool widens_as_key;
};

SourceColumn source(uint32_t type, int32_t modifier = -1) { return {1, type, modifier}; }

TEST(Widens, KnowsWhichTypesHoldEveryOldValue) {
  const std::vector<Case> cases = {
      {source(oid::kInt2), column(Kind::int16), source(oid::kInt4), column(Kind::int32), true, true},
      {source(oid::kInt4), column(Kind::int32), source(oid::kInt8), column(Kind::int64), true, true},
      {source(oid::kInt8), column(Kind::int64), source(oid::kInt4), column(Kind::int32), false, false},
      {source(oid::kFloat4), column(Kind::float32), source(oid::kFloat8), column(Kind::float64), true, false},
      {source(oid::kInt4), column(Kind::int32), source(oid::kText), column(Kind::text), false, false},
      {source(oid::kVarchar, 14), column(Kind::text), source(oid::kVarchar, 24), column(Kind::text), true, true},
      {source(oid::kVarchar, 14), column(Kind::text), source(oid::kVarchar, -1), column(Kind::text), true, true},
      {source(oid::kVarchar, 24), column(Kind::text), source(oid::kVarchar, 14), column(Kind::text), false, false},
      {source(oid::kVarchar, 24), column(Kind::text), source(oid::kText), column(Kind::text), true, true},
      {source(oid::kText), column(Kind::text), source(oid::kVarchar), column(Kind::text), true, true},
      {source(oid::kText), column(Kind::text), source(oid::kVarchar, 24), column(Kind::text), false, false},
      {source(oid::kBpchar, 9), column(Kind::text), source(oid::kBpchar, 14), column(Kind::text), false, false},
      {source(oid::kNumeric, 1), column(Kind::decimal, 10, 2), source(oid::kNumeric, 2), column(Kind::decimal, 12, 2),
       true, true},
      {source(oid::kNumeric, 1), column(Kind::decimal, 10, 2), source(oid::kNumeric, 2), column(Kind::decimal, 12, 4),
       true, false},
      {source(oid::kNumeric, 1), column(Kind::decimal, 10, 2), source(oid::kNumeric, 2), column(Kind::decimal, 11, 4),
       false, false},
      {source(oid::kNumeric, 1), column(Kind::decimal, 10, 2), source(oid::kNumeric, 2), column(Kind::text), false,
       false},
      {source(oid::kTimestamp, 3), column(Kind::timestamp), source(oid::kTimestamp), column(Kind::timestamp), true,
       true},
      {source(oid::kTimestamp), column(Kind::timestamp), source(oid::kTimestamp, 0), column(Kind::timestamp), false,
       false},
      {source(oid::kTimestamp), column(Kind::timestamp), source(oid::kTimestamptz), column(Kind::timestamptz), false,
       false},
  };
  for (size_t i = 0; i < cases.size(); i++) {
    const Case& one = cases[i];
    EXPECT_EQ(widens(one.from, one.before, one.to, one.after, false), one.widens) << i;
    EXPECT_EQ(widens(one.from, one.before, one.to, one.after, true), one.widens_as_key) << i;
  }
}

TEST(TableMemo, IsReadAsItWasWritten) {
  const TableMemo memo{16'384, 16'390, {{1, oid::kInt8, -1}, {3, oid::kVarchar, 14}}};
  const std::string text = to_text(memo);
  EXPECT_EQ(memo_of(text, 2), memo);
  EXPECT_EQ(memo_of(text, 3), std::nullopt);
  EXPECT_EQ(memo_of("", 2), std::nullopt);
  EXPECT_EQ(memo_of("nonsense", 2), std::nullopt);
}

}  // namespace
}  // namespace weir::postgres
