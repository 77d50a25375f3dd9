#include <gtest/gtest.h>

#include "format/answer_fixture.h"
#include "format/writers.h"

namespace weir::format {
namespace {

TEST(NdjsonWriter, WritesAnObjectPerRowAndTheSummaryLast) {
  const TestAnswer answer({column("id", "BIGINT", arrow::int64(), "[1, null]"),
                           column("$summary", "VARCHAR", arrow::utf8(), R"(["x", "y"])")});
  EXPECT_EQ(written(*make_ndjson_writer(), answer, {{"row_count", 2}}),
            "{\"id\":1,\"$summary\":\"x\"}\n{\"id\":null,\"$summary\":\"y\"}\n{\"$summary\":{\"row_count\":2}}\n");
}

TEST(NdjsonWriter, EndsWithTheErrorWhenTheQueryFailed) {
  const TestAnswer answer({column("id", "BIGINT", arrow::int64(), "[1]")});
  EXPECT_EQ(written(*make_ndjson_writer(), answer, {{"error", {{"code", "timeout"}}}}),
            "{\"id\":1}\n{\"$error\":{\"code\":\"timeout\"}}\n");
}

TEST(NdjsonWriter, GivesRepeatedNamesTheFirstFreeSuffix) {
  const auto one = [](std::string name) { return column(std::move(name), "INTEGER", arrow::int32(), "[1]"); };
  EXPECT_EQ(written(*make_ndjson_writer(), TestAnswer({one("a"), one("a"), one("a_1"), one("a"), one("a_1")}),
                    nlohmann::json::object(), 1),
            "{\"a\":1,\"a_2\":1,\"a_1\":1,\"a_3\":1,\"a_1_1\":1}\n{\"$summary\":{}}\n");
}

TEST(NdjsonWriter, KeepsAJsonColumnOnItsLine) {
  const TestAnswer answer({column("a", "JSON", arrow::utf8(), R"(["{\n\"b\": 1\n}"])")});
  EXPECT_EQ(written(*make_ndjson_writer(), answer, nlohmann::json::object()), "{\"a\":{\"b\":1}}\n{\"$summary\":{}}\n");
}

}  // namespace
}  // namespace weir::format
