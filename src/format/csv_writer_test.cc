#include <gtest/gtest.h>

#include "format/answer_fixture.h"
#include "format/writers.h"

namespace weir::format {
namespace {

std::string csv(const std::vector<TestColumn>& columns) {
  return written(*make_csv_writer(), TestAnswer(columns), nlohmann::json::object());
}

TEST(CsvWriter, TellsNullFromAnEmptyText) {
  EXPECT_EQ(
      csv({column("id", "INTEGER", arrow::int32(), "[1, 2]"), column("s", "VARCHAR", arrow::utf8(), R"([null, ""])")}),
      "id,s\n1,\n2,\"\"\n");
}

TEST(CsvWriter, QuotesSeparatorsQuotesAndLineEnds) {
  EXPECT_EQ(csv({column("a,b", "VARCHAR", arrow::utf8(), R"(["x,y", "say \"hi\"", "two\nlines", "cr\r", " plain "])")}),
            "\"a,b\"\n\"x,y\"\n\"say \"\"hi\"\"\"\n\"two\nlines\"\n\"cr\r\"\n plain \n");
}

TEST(CsvWriter, WritesNestedValuesAsJson) {
  EXPECT_EQ(csv({column("a", "VARCHAR[]", arrow::list(arrow::utf8()), R"([["x", null]])")}),
            "a\n\"[\"\"x\"\",null]\"\n");
}

TEST(CsvWriter, WritesDecimalsAndTimestampsBare) {
  EXPECT_EQ(csv({column("a", "DECIMAL(5,2)", arrow::decimal128(5, 2), R"(["1.50"])"),
                 column("b", "TIMESTAMP", arrow::timestamp(arrow::TimeUnit::MICRO), "[0]")}),
            "a,b\n1.50,1970-01-01T00:00:00\n");
}

}  // namespace
}  // namespace weir::format
