#include "format/table_writer.h"

#include <gtest/gtest.h>

#include "format/answer_fixture.h"

namespace weir::format {
namespace {

const nlohmann::json kTrailer = {{"stats", {{"elapsed_ms", 12.3}}}};

std::string table(const std::vector<TestColumn>& columns, TableOptions options = {}, int batches = 1) {
  return written(*make_table_writer(options), TestAnswer(columns), kTrailer, batches);
}

TEST(TableWriter, AlignsNumbersRightAndTextLeft) {
  EXPECT_EQ(table({column("id", "INTEGER", arrow::int32(), "[1, 20]"),
                   column("name", "VARCHAR", arrow::utf8(), R"(["Ann", null])"),
                   column("total", "DECIMAL(5,2)", arrow::decimal128(5, 2), R"(["1.50", "10.25"])")}),
            " id │ name │ total\n"
            "────┼──────┼───────\n"
            "  1 │ Ann  │  1.50\n"
            " 20 │ NULL │ 10.25\n"
            "(2 rows, 12 ms)\n");
}

TEST(TableWriter, MeasuresWideCharactersAndCombiningMarks) {
  EXPECT_EQ(table({column("a", "VARCHAR", arrow::utf8(), R"(["日本", "e\u0301", "x"])"),
                   column("b", "INTEGER", arrow::int32(), "[1, 2, 3]")}),
            " a    │ b\n"
            "──────┼───\n"
            " 日本 │ 1\n"
            " e\u0301    │ 2\n"
            " x    │ 3\n"
            "(3 rows, 12 ms)\n");
}

TEST(TableWriter, EscapesWhatCouldSteerATerminal) {
  EXPECT_EQ(table({column("a", "VARCHAR", arrow::utf8(), R"(["\u001b[31m", "a\nb", "\u202eevil"])")}),
            " a\n────────────\n \\u001b[31m\n a\\nb\n \\u202eevil\n(3 rows, 12 ms)\n");
}

TEST(TableWriter, CutsValuesOnlyWhenAskedTo) {
  const std::vector<TestColumn> columns = {column("a", "VARCHAR", arrow::utf8(), R"(["0123456789"])")};
  EXPECT_NE(table(columns).find("0123456789"), std::string::npos);
  EXPECT_NE(table(columns, {.column_width_max = 5}).find(" 0123…\n"), std::string::npos);
}

TEST(TableWriter, StreamsRowsAfterTheMeasuredOnes) {
  const TestAnswer answer({column("n", "INTEGER", arrow::int32(), "[1, 2]")});
  auto writer = make_table_writer({.measured_rows = 2});
  std::string out;
  const auto schema = answer.schema();
  ASSERT_TRUE(writer->begin(answer.columns, *schema.get(), out));
  EXPECT_EQ(out, "");
  ASSERT_TRUE(writer->batch(answer.exported(), out));
  EXPECT_EQ(out, " n\n───\n 1\n 2\n");
  ASSERT_TRUE(writer->batch(answer.exported(), out));
  EXPECT_EQ(out, " n\n───\n 1\n 2\n 1\n 2\n");
}

TEST(TableWriter, ShowsHeldRowsWhenAskedTo) {
  const TestAnswer answer({column("n", "INTEGER", arrow::int32(), "[1, 2]")});
  auto writer = make_table_writer({});
  std::string out;
  const auto schema = answer.schema();
  ASSERT_TRUE(writer->begin(answer.columns, *schema.get(), out));
  writer->show_held(out);
  EXPECT_EQ(out, "");
  ASSERT_TRUE(writer->batch(answer.exported(), out));
  writer->show_held(out);
  EXPECT_EQ(out, " n\n───\n 1\n 2\n");
  writer->show_held(out);
  ASSERT_TRUE(writer->batch(answer.exported(), out));
  ASSERT_TRUE(writer->end(kTrailer, out));
  EXPECT_EQ(out, " n\n───\n 1\n 2\n 1\n 2\n(4 rows, 12 ms)\n");
}

TEST(TableWriter, DimsNullAndRulesInColour) {
  EXPECT_EQ(table({column("a", "VARCHAR", arrow::utf8(), "[null]")}, {.colour = true}),
            " a\n\x1b[2m──────\x1b[0m\n \x1b[2mNULL\x1b[0m\n(1 row, 12 ms)\n");
}

TEST(TableWriter, SaysDoneForAStatementWithoutRows) {
  EXPECT_EQ(table({column("Success", "BOOLEAN", arrow::boolean(), "[]")}), "(done, 12 ms)\n");
}

TEST(TableWriter, ShowsTheRowsThatCameBeforeAnError) {
  const TestAnswer answer({column("n", "INTEGER", arrow::int32(), "[1]")});
  EXPECT_EQ(written(*make_table_writer({}), answer, {{"error", {{"code", "timeout"}}}}),
            " n\n───\n 1\n(1 row before the error)\n");
  EXPECT_EQ(written(*make_table_writer({}), answer, {{"error", {{"code", "timeout"}}}}, 0), "");
}

TEST(TableWriter, SaysThatAnAnswerIsPartial) {
  const TestAnswer answer({column("n", "INTEGER", arrow::int32(), "[]")});
  EXPECT_EQ(written(*make_table_writer({}), answer, {{"partial", true}, {"stats", {{"elapsed_ms", 1'254}}}}),
            " n\n───\n(0 rows, partial, 1.25 s)\n");
}

TEST(PlanWriter, KeepsTheLinesOfADrawing) {
  const TestAnswer answer({column("explain_key", "VARCHAR", arrow::utf8(), R"(["physical_plan"])"),
                           column("explain_value", "VARCHAR", arrow::utf8(), R"(["┌─┐\n└─┘"])")});
  ASSERT_TRUE(is_plan(answer.columns));
  EXPECT_EQ(written(*make_plan_writer(), answer, kTrailer), "┌─┐\n└─┘\n");
}

TEST(PushdownTable, ShowsEachScanWithWhatWasDoneWhere) {
  const nlohmann::json summary = {
      {{"source", "pg_prod"},
       {"table", "public.users"},
       {"filters_pushed", {"region = $1", "id > $2"}},
       {"filters_residual", {"lower(email) = $3"}},
       {"agg_residual_reason", "aggregates are not pushed yet"},
       {"residual_reasons",
        {"lower(email) = $3: not proven identical", "aggregates are not pushed yet", "ORDER BY is not pushed yet"}},
       {"projection_pushed", true},
       {"limit_pushed", nullptr},
       {"agg_pushed", nullptr},
       {"scan_duration_ms", 14.26},
       {"rows_returned", 50},
       {"bytes_received", 4128}}};
  EXPECT_EQ(pushdown_table(summary, {}),
            " source  │ table        │ done by the source │ done here (why)                           │ limit │ rows │ "
            "bytes │   ms\n"
            "─────────┼──────────────┼────────────────────┼───────────────────────────────────────────┼───────┼──────┼─"
            "──────┼──────\n"
            " pg_prod │ public.users │ region = $1        │ lower(email) = $3 (not proven identical)  │       │   50 │ "
            " 4128 │ 14.3\n"
            "         │              │ id > $2            │ aggregate (aggregates are not pushed yet) │       │      │ "
            "      │     \n"
            "         │              │ columns            │ (ORDER BY is not pushed yet)              │       │      │ "
            "      │     \n");
}

TEST(PushdownTable, SaysEachReasonOnce) {
  const std::string reason = "aggregates are not pushed yet";
  const nlohmann::json summary = {{{"source", "pg_prod"},
                                   {"table", "public.users"},
                                   {"agg_residual_reason", reason},
                                   {"residual_reasons", {reason, reason, "joins are not pushed yet"}}}};
  const std::string table = pushdown_table(summary, {});
  EXPECT_EQ(table.find(reason), table.rfind(reason)) << table;
  EXPECT_NE(table.find("(joins are not pushed yet)"), std::string::npos) << table;
}

TEST(PushdownTable, IsEmptyWithoutScans) { EXPECT_EQ(pushdown_table(nlohmann::json::array(), {}), ""); }

}  // namespace
}  // namespace weir::format
