#include <gmock/gmock.h>

#include "format/answer_fixture.h"
#include "format/writers.h"

namespace weir::format {
namespace {

using nlohmann::json;

/// The rows of the JSON format as text, between `"rows":[` and its end.
std::string rows(const std::vector<TestColumn>& columns) {
  const std::string out = written(*make_json_writer(), TestAnswer(columns), json::object());
  const size_t begin = out.find("\"rows\":[\n") + 9;
  return out.substr(begin, out.rfind("]}") - begin);
}

TEST(JsonWriter, PutsTheTrailersMembersBesideColumnsAndRows) {
  const TestAnswer answer({column("id", "BIGINT", arrow::int64(), "[1, 2]"),
                           column("a \"b\"", "VARCHAR", arrow::utf8(), R"(["x", null])")});
  const std::string out = written(*make_json_writer(), answer, {{"row_count", 2}, {"partial", false}});
  EXPECT_EQ(out,
            "{\"columns\":[{\"name\":\"id\",\"type\":\"BIGINT\"},{\"name\":\"a \\\"b\\\"\",\"type\":\"VARCHAR\"}],\n"
            "\"rows\":[\n[1,\"x\"],\n[2,null]],\n\"partial\":false,\n\"row_count\":2}\n");
}

TEST(JsonWriter, JoinsBatchesAndEndsValidWithoutAny) {
  const TestAnswer answer({column("n", "INTEGER", arrow::int32(), "[1]")});
  EXPECT_EQ(json::parse(written(*make_json_writer(), answer, json::object(), 3))["rows"], json::parse("[[1],[1],[1]]"));
  EXPECT_EQ(json::parse(written(*make_json_writer(), answer, json::object(), 0))["rows"], json::array());
  EXPECT_TRUE(json::accept(written(*make_json_writer(), TestAnswer({}), json::object())));
}

TEST(JsonWriter, WritesIntegersOfEveryWidthAsNumbers) {
  EXPECT_EQ(rows({column("a", "BIGINT", arrow::int64(), "[-9223372036854775808]"),
                  column("b", "UBIGINT", arrow::uint64(), "[18446744073709551615]"),
                  column("c", "TINYINT", arrow::int8(), "[-128]"),
                  column("d", "HUGEINT", arrow::decimal128(38, 0), "[\"12345678901234567890123\"]")}),
            "[-9223372036854775808,18446744073709551615,-128,12345678901234567890123]");
}

TEST(JsonWriter, WritesDecimalsAsStrings) {
  EXPECT_EQ(rows({column("a", "DECIMAL(12,2)", arrow::decimal128(12, 2), R"(["-0.05", "10.00", null])")}),
            "[\"-0.05\"],\n[\"10.00\"],\n[null]");
}

TEST(JsonWriter, WritesWhatIsNotFiniteAsStrings) {
  EXPECT_EQ(rows({column("a", "DOUBLE", arrow::float64(), "[NaN, Inf, -Inf, 1.5, 2]")}),
            "[\"NaN\"],\n[\"Infinity\"],\n[\"-Infinity\"],\n[1.5],\n[2.0]");
}

TEST(JsonWriter, WritesTimesAsIso8601) {
  EXPECT_EQ(
      rows({column("a", "DATE", arrow::date32(), "[19782]"),
            column("b", "TIME", arrow::time64(arrow::TimeUnit::MICRO), "[1]"),
            column("c", "TIMESTAMP", arrow::timestamp(arrow::TimeUnit::MICRO), "[1709208000123456]"),
            column("d", "TIMESTAMP WITH TIME ZONE", arrow::timestamp(arrow::TimeUnit::MICRO, "Europe/Berlin"), "[0]")}),
      "[\"2024-02-29\",\"00:00:00.000001\",\"2024-02-29T12:00:00.123456\",\"1970-01-01T00:00:00Z\"]");
}

TEST(JsonWriter, EscapesTextAndEncodesBinary) {
  EXPECT_EQ(rows({column("a", "VARCHAR", arrow::utf8(), R"(["q\" b\\ \n \u0001 ü"])"),
                  column("b", "BLOB", arrow::binary(), R"(["abc"])")}),
            R"(["q\" b\\ \n \u0001 ü","YWJj"])");
}

TEST(JsonWriter, EmbedsJsonColumnsAndKeepsBrokenOnesAsText) {
  EXPECT_EQ(
      rows({column("a", "JSON", arrow::utf8(), R"(["{\"b\" : [1.10,\n2], \"s\":\"x y\\\" z\"}", "{broken", null])")}),
      "[{\"b\":[1.10,2],\"s\":\"x y\\\" z\"}],\n[\"{broken\"],\n[null]");
}

TEST(JsonWriter, WritesListsStructsAndMaps) {
  const auto inner = arrow::struct_({arrow::field("x", arrow::int32()), arrow::field("y", arrow::utf8())});
  EXPECT_EQ(
      rows(
          {column("a", "INTEGER[]", arrow::list(arrow::int32()), "[[1, null], [], null]"),
           column("b", "STRUCT(x INTEGER, y JSON)", inner, R"([{"x": 1, "y": "[1]"}, {"x": null, "y": null}, null])"),
           column("c", "MAP(VARCHAR, INTEGER)", arrow::map(arrow::utf8(), arrow::int32()), R"([[["k", 1]], [], null])"),
           column("d", "MAP(INTEGER, INTEGER)", arrow::map(arrow::int32(), arrow::int32()), "[[[1, 2]], [], null]")}),
      "[[1,null],{\"x\":1,\"y\":[1]},{\"k\":1},[{\"key\":1,\"value\":2}]],\n"
      "[[],{\"x\":null,\"y\":null},{},[]],\n"
      "[null,null,null,null]");
}

TEST(JsonWriter, DecodesDictionaries) {
  const auto words = arrow::json::DictArrayFromJSONString(arrow::dictionary(arrow::int8(), arrow::utf8()),
                                                          "[1, null, 0]", R"(["lo", "hi"])");
  EXPECT_EQ(rows({{{"a", "VARCHAR"}, words.ValueOrDie()}}), "[\"hi\"],\n[null],\n[\"lo\"]");
}

TEST(JsonWriter, RefusesAnArrowTypeItCannotWriteBeforeItWroteAnything) {
  const TestAnswer answer({column("a", "?", arrow::duration(arrow::TimeUnit::SECOND), "[1]")});
  const auto schema = answer.schema();
  std::string out;
  const Status status = make_json_writer()->begin(answer.columns, *schema.get(), out);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::not_available_yet);
  EXPECT_EQ(out, "");
}

}  // namespace
}  // namespace weir::format
