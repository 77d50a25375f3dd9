#include "cli/json_table.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace weir::cli {
namespace {

TEST(RecordsTable, HasAColumnPerKeyAndALinePerRecord) {
  const auto records = nlohmann::json::parse(R"([{"name":"pg","paused":true},{"name":"my","n":1}])");
  EXPECT_EQ(records_table(records, {"name", "paused"}, {}), " name │ paused\n──────┼────────\n pg   │ yes\n my   │ \n");
}

TEST(RecordsTable, NamesTheFlagsThatAreSet) {
  const auto records =
      nlohmann::json::parse(R"([{"paused":{"federation":true,"sync":false}},{"paused":{"sync":false}}])");
  EXPECT_EQ(records_table(records, {"paused"}, {}), " paused\n────────────\n federation\n no\n");
}

TEST(FieldsTable, NamesNestedValuesByTheirPath) {
  const auto object = nlohmann::json::parse(R"({"source":{"version":"PG 15"},"warnings":["a","b"],"last":null})");
  EXPECT_EQ(fields_table(object, {}),
            " field          │ value\n────────────────┼───────\n last           │ \n source.version │ PG 15\n"
            " warnings       │ a, b\n");
}

}  // namespace
}  // namespace weir::cli
