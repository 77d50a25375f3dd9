#include "connectors/postgres/schema_drift.h"

#include <gtest/gtest.h>

#include "connectors/postgres/type_oids.h"
#include "connectors/postgres/type_widening.h"

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
  const TableMemo memo{16'384, 16'390, 3, Lsn{uint64_t{1} << 40}, {{1, oid::kInt8, -1}, {3, oid::kVarchar, 14}}};
  const std::string text = to_text(memo);
  EXPECT_EQ(memo_of(text, 2), memo);
  EXPECT_EQ(memo_of(text, 3), std::nullopt);
  EXPECT_EQ(memo_of("", 2), std::nullopt);
  EXPECT_EQ(memo_of("nonsense", 2), std::nullopt);
}

/// A table whose columns are all text, by number; the first one is the key.
using Columns = std::vector<std::pair<int16_t, std::string>>;

TableFacts facts(const Columns& columns, int16_t last_number, uint32_t storage = 7) {
  TableFacts facts{.oid = 42, .name = {"public", "users"}, .storage = storage, .last_number = last_number};
  facts.may_select = facts.may_publish = true;
  facts.primary_key = {1};
  for (const auto& [number, name] : columns) {
    facts.attributes.push_back({.source = {number, oid::kText, -1},
                                .column = {.name = name, .type = {Kind::text, 0, 0, {}}, .source_type = "text"},
                                .is_selectable = true});
  }
  return facts;
}

pgoutput::Relation relation(const std::vector<std::string>& names) {
  pgoutput::Relation relation{.oid = 42, .schema = "public", .name = "users", .identity = 'd', .columns = {}};
  for (const std::string& name : names) relation.columns.push_back({relation.columns.empty(), name, oid::kText, -1});
  return relation;
}

FollowedTable known(const Columns& columns, int16_t last_number) {
  return known_table(judge(facts(columns, last_number)).table, nullptr);
}

/// "+c -d a->b", or why the table stops.
std::string difference(const FollowedTable& known, const std::vector<std::string>& names, const TableFacts& now) {
  const Drift drift = compare(known, relation(names), &now);
  if (drift.stop) return drift.stop->reason;
  std::string text;
  if (!drift.change) return text;
  for (const auto& added : drift.change->added) text += " +" + added.column.name;
  for (const auto& renamed : drift.change->renamed) text += " " + renamed.from + "->" + renamed.to;
  for (const auto& dropped : drift.change->dropped) text += " -" + dropped;
  return text;
}

const Columns kTwo = {{1, "a"}, {2, "b"}};

TEST(Compare, TellsColumnsByTheirNumbers) {
  EXPECT_EQ(difference(known(kTwo, 2), {"a", "b", "c"}, facts({{1, "a"}, {2, "b"}, {3, "c"}}, 3)), " +c");
  EXPECT_EQ(difference(known(kTwo, 2), {"a", "c"}, facts({{1, "a"}, {2, "c"}}, 2)), " b->c");
  EXPECT_EQ(difference(known(kTwo, 2), {"a", "c"}, facts({{1, "a"}, {3, "c"}}, 3)), " +c -b");
  EXPECT_EQ(difference(known(kTwo, 2), {"a", "d", "b"}, facts({{1, "a"}, {2, "d"}, {3, "b"}}, 3)), " +b b->d");
}

TEST(Compare, AColumnThatCameWithARewriteStopsTheTableUnlessItsValueIsKnown) {
  TableFacts now = facts({{1, "a"}, {2, "b"}, {3, "c"}}, 3, /*storage=*/8);
  EXPECT_EQ(difference(known(kTwo, 2), {"a", "b", "c"}, now), "column_default_volatile: c");
  now.attributes[2].has_missing_value = true;
  EXPECT_EQ(difference(known(kTwo, 2), {"a", "b", "c"}, now), " +c");
}

TEST(Compare, AFileThatIsNewerThanTheDescriptionIsNotAdopted) {
  // The catalogs show `d` already, whose default filled the rows.
  TableFacts later = facts({{1, "a"}, {2, "b"}, {3, "c"}, {4, "d"}}, 4, /*storage=*/8);
  later.attributes[2].has_missing_value = true;
  const Drift first = compare(known(kTwo, 2), relation({"a", "b", "c"}), &later);
  ASSERT_TRUE(first.next) << first.stop->reason;
  EXPECT_EQ(first.next->source.storage, 7u);
  EXPECT_EQ(difference(*first.next, {"a", "b", "c", "d"}, later), "column_default_volatile: d");
}

TEST(Compare, AnUnchangedTableAdoptsItsNewFileAndRemembersIt) {
  const auto before = std::make_shared<FollowedTable>(known(kTwo, 2));
  const Drift drift = with_storage(before, {{{"a", 1}, {"b", 2}}, 8});
  ASSERT_TRUE(drift.change);
  EXPECT_EQ(drift.change->after->memo, to_text(drift.next->source));
  EXPECT_EQ(difference(*drift.next, {"a", "b", "c"}, facts({{1, "a"}, {2, "b"}, {3, "c"}}, 3, 8)), " +c");
  // A column that the stream has not shown yet may be why the file is new.
  EXPECT_EQ(with_storage(before, {{{"a", 1}, {"b", 2}, {"c", 3}}, 8}).next, before);
}

TEST(Compare, AColumnThatWasThereAllAlongIsNotANewOne) {
  const TableFacts now = facts({{1, "a"}, {2, "b"}, {3, "c"}}, 3);
  EXPECT_EQ(difference(known({{1, "a"}, {3, "c"}}, 3), {"a", "b", "c"}, now), "column_not_copied: b");
  TableFacts unreadable = now;
  unreadable.attributes[1].is_selectable = false;
  EXPECT_EQ(difference(known({{1, "a"}, {3, "c"}}, 3), {"a", "b", "c"}, unreadable), "");
}

TEST(Compare, AColumnThatHasComeAndGoneIsNotTakenForAnother) {
  // x (3) is described; by now it is gone, and y has number 4.
  EXPECT_EQ(difference(known(kTwo, 2), {"a", "b", "x"}, facts({{1, "a"}, {2, "b"}, {4, "y"}}, 4)), "schema_unclear");
  // Which of two columns of the name y is described?
  EXPECT_EQ(difference(known(kTwo, 2), {"a", "b", "y"}, facts({{1, "a"}, {2, "b"}, {4, "y"}}, 4)), "schema_unclear");
  // One that went before the copy was made is no candidate.
  EXPECT_EQ(difference(known({{1, "a"}, {3, "b"}}, 4), {"a", "c"}, facts({{1, "a"}, {3, "d"}}, 4)), " b->c");
}

TEST(Compare, AColumnThatWasReplacedStopsATableThatHasChangedOtherwiseToo) {
  const FollowedTable four = known({{1, "a"}, {2, "b"}, {3, "c"}, {4, "e"}}, 4);
  EXPECT_EQ(difference(four, {"a", "b", "c"}, facts({{1, "a"}, {2, "b"}, {5, "c"}}, 5)), "column_replaced: c");
}

TEST(Judge, NamesWhatSpeaksAgainstAColumn) {
  TableFacts table = facts(kTwo, 2);
  table.attributes[1].is_sendable = false;
  EXPECT_EQ(judge(table).stop->reason, "no_binary_form: b");
  table = facts(kTwo, 2);
  table.attributes[0].is_generated = true;
  EXPECT_EQ(judge(table).stop->reason, "key_generated: a");
}

}  // namespace
}  // namespace weir::postgres
