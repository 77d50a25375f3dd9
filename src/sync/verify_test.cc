#include "sync/verify.h"

#include "sync/landing_fixture.h"

namespace weir::sync {
namespace {

using plan::Kind;
using testing::changes_of;
using testing::ChangeTablePtr;
using testing::column;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::LandingTest;
using ::testing::Not;
using testing::notes_table;
using testing::position_of;
using testing::table_of;

TEST(Verify, TakesKeysApartAsTheyWereJoined) {
  EXPECT_THAT(key_parts("a:\\b", 1), ElementsAre("a:\\b"));
  EXPECT_THAT(key_parts("a\\:\\\\b:7:", 3), ElementsAre("a:\\b", "7", ""));
}

TEST(Verify, AsksForKeysOnlyWhereTheSourceComparesThemExactly) {
  EXPECT_EQ(key_condition(*notes_table(), {"1", "22"}), "s.\"id\" IN ('1'::BIGINT, '22'::BIGINT)");
  EXPECT_EQ(key_condition(*notes_table(), {}), "");
  auto text = column("k", Kind::text);
  text.collation = plan::Collation::deterministic;
  const auto pair = table_of("pairs", {text, column("b", Kind::int32)}, {"k", "b"});
  EXPECT_EQ(key_condition(*pair, {"it's\\::1", "it's\\::2"}), "s.\"k\" IN ('it''s:')");
  text.cast_to_text = true;
  EXPECT_EQ(key_condition(*table_of("t", {text}, {"k"}), {"a"}), "");
  EXPECT_EQ(key_condition(*table_of("t", {column("k", Kind::float64)}, {"k"}), {"1.5"}), "");
}

TEST(Verify, ReadsTheSourceOnce) {
  const auto table = notes_table();
  const auto sql = find_sql({"pg", *table, "snap", position_of(20)}, "");
  const auto first = sql.find("weir_snapshot('pg', 'public', 'notes', 'snap')");
  ASSERT_NE(first, std::string::npos);
  EXPECT_EQ(sql.find("weir_snapshot", first + 1), std::string::npos);
  EXPECT_THAT(sql, Not(HasSubstr("weir_again")));
  EXPECT_THAT(find_sql({"pg", *table, "snap", position_of(20), true}, ""),
              HasSubstr("SEMI JOIN weir_again USING (pk)"));
}

/// The statements over a real copy. The source is a table macro of the name.
class VerifySqlTest : public LandingTest {
 protected:
  void source(const std::string& rows) {
    const auto made =
        engine_->session->run("CREATE OR REPLACE TEMP MACRO weir_snapshot(c, s, t, p) AS TABLE SELECT * FROM (VALUES " +
                              rows + ") v(id, note, big)");
    ASSERT_TRUE(made) << made.error().to_string();
    ok(engine_->session->run("CREATE TEMP TABLE IF NOT EXISTS weir_again (pk VARCHAR, kind VARCHAR)"));
  }
  std::vector<std::string> found(uint64_t commit, bool again = false) {
    ok(engine_->session->run(find_sql({"pg", *table_, "p", position_of(commit), again}, "")));
    return rows("SELECT kind, pk, keys, in_source, in_copy FROM weir_found ORDER BY kind, pk");
  }

  const ChangeTablePtr table_ = notes_table();
};

TEST_F(VerifySqlTest, finds_each_kind_of_difference) {
  copy(table_, "(1, 'a', 'A'), (2, 'b', NULL), (3, 'c', 'C'), (4, 'd', 'D'), (4, 'd', 'D'), (5, NULL, '')");
  source("(1, 'a', 'A'), (2, 'b', ''), (4, 'd', 'D'), (5, NULL, ''), (6, 'f', 'F')");
  EXPECT_THAT(found(20),
              ElementsAre("different|2|1|1|1", "equal|-|2|2|2", "extra|3|1|0|1", "extra|4|1|1|2", "missing|6|1|1|0"));
  EXPECT_THAT(rows(examples_sql(2)), ElementsAre("2|different", "3|extra"));
  const Comparison comparison{"pg", *table_, "p", position_of(20)};
  EXPECT_THAT(rows(source_rows_sql(comparison, {"2"}, key_condition(*table_, {"2"}))),
              ElementsAre(R"(2|{"id":"2","note":"b","big":""})"));
  EXPECT_THAT(rows(copy_rows_sql(comparison, {"2", "7"})), ElementsAre(R"(2|{"id":"2","note":"b","big":null})"));
}

TEST_F(VerifySqlTest, keeps_what_changed_after_the_point_for_the_next_round) {
  copy(table_, "(1, 'a', 'A'), (2, 'b', 'B'), (3, 'c', 'C')");
  commit(19, changes_of(table_, 19, {{"update", {{"id", "1"}, {"note", "before"}, {"big", "A"}}}}));
  commit(21, changes_of(table_, 21,
                        {{"update", {{"id", "2"}, {"note", "after"}, {"big", "B"}}},
                         {"delete", {{"id", "3"}}},
                         {"insert", {{"id", "4"}, {"note", "new"}, {"big", "D"}}}}));
  source("(1, 'before', 'A'), (2, 'b', 'B'), (3, 'c', 'C')");
  EXPECT_THAT(found(20), ElementsAre("changing|2|1|1|1", "changing|3|1|1|0", "changing|4|1|0|1", "equal|-|1|1|1"));
  EXPECT_THAT(rows(open_sql()), ElementsAre("3"));
  ok(engine_->session->run(again_sql()));
  source("(1, 'not asked again', 'A'), (2, 'after', 'B'), (4, 'other', 'D')");
  EXPECT_THAT(found(22, true), ElementsAre("different|4|1|1|1", "equal|-|1|1|1"));
  EXPECT_THAT(rows(open_sql()), ElementsAre("1"));  // found for the first time
  ok(engine_->session->run(again_sql()));
  EXPECT_THAT(found(22, true), ElementsAre("different|4|1|1|1"));
  EXPECT_THAT(rows(open_sql()), ElementsAre("0"));
  EXPECT_THAT(rows(totals_sql()), ElementsAre("different|1|1|1"));
}

TEST_F(VerifySqlTest, reads_hot_and_folded_rows_alike) {
  copy(table_, "(1, 'a', 'A'), (2, 'b', 'B')");
  commit(12,
         changes_of(table_, 12, {{"update", {{"id", "1"}, {"note", "x"}, {"big", "A"}}}, {"delete", {{"id", "2"}}}}));
  source("(1, 'x', 'A')");
  EXPECT_THAT(found(20), ElementsAre("equal|-|1|1|1"));
  fold();
  EXPECT_THAT(found(20), ElementsAre("equal|-|1|1|1"));
  source("(1, 'x', 'A'), (2, 'b', 'B')");
  EXPECT_THAT(found(20), ElementsAre("equal|-|1|1|1", "missing|2|1|1|0"));
}

TEST_F(VerifySqlTest, tells_values_apart_that_the_engine_takes_for_one) {
  const auto hashes = [&](const plan::Type& type, const std::string& sql_type, const std::vector<std::string>& values) {
    const auto value = column("v", type.kind, type);
    const auto table = table_of("one", {column("id", Kind::int64), value}, {"id"});
    std::string each;
    for (const auto& text : values) each += (each.empty() ? "(1, " : ", (1, ") + text + "::" + sql_type + ")";
    const auto sql = find_sql({"pg", *table, "p", position_of(20)}, "");
    const auto from = sql.find("hash("), to = sql.find(" AS row_hash", from);
    return rows("SELECT count(DISTINCT " + sql.substr(from, to - from) + ") FROM (VALUES " + each + ") s(id, v)").at(0);
  };
  const auto of = [](Kind kind) { return plan::Type{kind, 0, 0, {}}; };
  const auto list_of = [&](Kind kind) { return plan::Type{Kind::list, 0, 0, {of(kind)}}; };
  EXPECT_EQ(hashes(of(Kind::text), "VARCHAR", {"NULL", "''", "'NULL'", "'a'", "'A'", "'a '"}), "6");
  EXPECT_EQ(hashes(of(Kind::interval), "INTERVAL", {"'1 month'", "'30 days'", "'720 hours'"}), "3");
  EXPECT_EQ(hashes(of(Kind::float64), "DOUBLE", {"'nan'", "NULL", "'inf'", "'-inf'", "0"}), "5");
  EXPECT_EQ(hashes(list_of(Kind::int32), "INTEGER[]", {"NULL", "[]", "[NULL]", "[NULL, 1]", "[1, NULL]"}), "5");
  EXPECT_EQ(hashes(list_of(Kind::text), "VARCHAR[]", {"['NULL']", "[NULL]", "['a, b']", "['a', 'b']", "['']", "[]"}),
            "6");
  // What an extent does not keep apart.
  EXPECT_EQ(hashes(of(Kind::float64), "DOUBLE", {"'0'", "'-0'"}), "1");
  EXPECT_EQ(hashes(list_of(Kind::float32), "FLOAT[]", {"[0]", "['-0']"}), "1");
}

}  // namespace
}  // namespace weir::sync
