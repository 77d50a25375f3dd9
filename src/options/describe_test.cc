#include <algorithm>

#include <gtest/gtest.h>

#include "options/example_options.h"

namespace weir::options {
namespace {

using nlohmann::json;

TEST(JsonSchema, DescribesTypesBoundsDefaultsAndRequiredOptions) {
  const json schema = json_schema(example::body());
  EXPECT_EQ(schema["type"], "object");
  EXPECT_EQ(schema["additionalProperties"], false);
  EXPECT_EQ(schema["required"], json({"name", "connection"}));
  const json& connection = schema["properties"]["connection"]["properties"];
  EXPECT_EQ(connection["pool_size"],
            json::parse(R"({"type":"integer","description":"Connections.","default":5,"examples":[10],
                                                     "minimum":1,"maximum":50,"x-since":"0.1"})"));
  EXPECT_EQ(connection["tls"]["enum"], json({"required", "disabled"}));
  EXPECT_EQ(connection["secret_ref"]["x-secret"], true);
  EXPECT_EQ(schema["properties"]["scope"]["properties"]["include_schemas"]["items"]["type"], "string");
  EXPECT_EQ(schema["properties"]["scope"]["properties"]["include_schemas"]["examples"], json::parse(R"([["public"]])"));
}

TEST(Markdown, HasOneRowForEveryOption) {
  const std::string table = markdown(example::body());
  EXPECT_EQ(std::ranges::count(table, '\n'), 2 + 1 + 6 + 2);
  EXPECT_NE(table.find("| `connection.pool_size` | integer, 1 to 50 | `5` | Connections. Example: `10` |\n"),
            std::string::npos)
      << table;
  EXPECT_NE(table.find("| `name` | string | required | Name. Example: `pg_prod` |\n"), std::string::npos) << table;
}

TEST(Markdown, EscapesTheCellSeparator) {
  EXPECT_NE(markdown(example::body()).find("Encryption \\| checks."), std::string::npos);
}

}  // namespace
}  // namespace weir::options
