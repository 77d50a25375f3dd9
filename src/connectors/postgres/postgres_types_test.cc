#include "connectors/postgres/postgres_types.h"

#include <gtest/gtest.h>

#include "connectors/postgres/type_oids.h"

namespace weir::postgres {
namespace {

using plan::Collation;

constexpr int32_t numeric_modifier(int precision, int scale) { return ((precision << 16) | (scale & 0x7ff)) + 4; }

/// "decimal(12,2)", with "!" in front when the server casts to text and "~" when nothing may be compared.
std::string home(ColumnFacts facts, const TypeCatalog& types = {}, const TypeOptions& options = {}) {
  plan::Column column = map_column(facts, types, options);
  return (column.cast_to_text ? "!" : "") + std::string(column.collation == Collation::nondeterministic ? "~" : "") +
         plan::to_string(column.type);
}

std::string numeric_home(int32_t modifier, std::string_view mode = "decimal(38,10)") {
  return home({.type_oid = oid::kNumeric, .type_modifier = modifier}, {}, {*parse_numeric_mode(mode)});
}

TEST(NumericColumns, WithinThirtyEightDigitsAreExact) {
  EXPECT_EQ(numeric_home(numeric_modifier(15, 2)), "decimal(15,2)");
  EXPECT_EQ(numeric_home(numeric_modifier(38, 38)), "decimal(38,38)");
  EXPECT_EQ(numeric_home(numeric_modifier(1, 0)), "decimal(1,0)");
  EXPECT_EQ(numeric_home(numeric_modifier(15, 2), "string"), "decimal(15,2)");
}

TEST(NumericColumns, WithoutAnExactDecimalFollowTheMode) {
  for (int32_t modifier :
       {-1, numeric_modifier(39, 2), numeric_modifier(5, -2), numeric_modifier(3, 5), numeric_modifier(1000, 0)}) {
    EXPECT_EQ(numeric_home(modifier), "decimal(38,10)");
    EXPECT_EQ(numeric_home(modifier, "decimal(20,4)"), "decimal(20,4)");
    EXPECT_EQ(numeric_home(modifier, "string"), "!~text");
    EXPECT_EQ(numeric_home(modifier, "double"), "!float64");
  }
}

TEST(TextColumns, CompareByTheirCollation) {
  EXPECT_EQ(home({.type_oid = oid::kText}), "text");
  EXPECT_EQ(home({.type_oid = oid::kVarchar, .type_modifier = 24}), "text");
  EXPECT_EQ(home({.type_oid = oid::kText, .collation_deterministic = false}), "~text");
  EXPECT_EQ(home({.type_oid = oid::kBpchar}), "~text");
  EXPECT_EQ(home({.type_oid = oid::kChar}), "~text");
  EXPECT_EQ(home({.type_oid = 9000}, {{9000, {.name = "citext"}}}), "~text");
}

TEST(DefinedTypes, FollowTheCatalog) {
  const TypeCatalog types = {
      {1007, {.name = "_int4", .element_oid = oid::kInt4}},
      {1041, {.name = "_inet", .element_oid = 869}},
      {869, {.name = "inet"}},
      {9001, {.name = "mood", .category = 'e'}},
      {9002, {.name = "cents", .category = 'd', .base_oid = oid::kNumeric, .base_modifier = numeric_modifier(12, 2)}},
      {9003, {.name = "price", .category = 'd', .base_oid = 9002}},
      {9004, {.name = "pair", .category = 'c'}},
      {9005, {.name = "matrix", .category = 'd', .base_oid = 1007, .base_dimensions = 2}},
      {9006, {.name = "row", .category = 'd', .base_oid = 1007, .base_dimensions = 1}},
      {9007, {.name = "_row", .element_oid = 9006}},
      {9008, {.name = "span", .category = 'r'}},
      {9009, {.name = "addresses", .category = 'd', .base_oid = 1041}},
      {9010, {.name = "_addresses", .element_oid = 9009}},
  };
  EXPECT_EQ(home({.type_oid = 9001}, types), "text");
  EXPECT_EQ(home({.type_oid = 9002}, types), "decimal(12,2)");
  EXPECT_EQ(home({.type_oid = 9003}, types), "decimal(12,2)");
  EXPECT_EQ(home({.type_oid = 9004}, types), "!~text");
  EXPECT_EQ(home({.type_oid = 9005}, types), "!~text");
  EXPECT_EQ(home({.type_oid = 9006}, types), "list(int32)");
  EXPECT_EQ(home({.type_oid = 9007}, types), "list(list(int32))");
  EXPECT_EQ(home({.type_oid = 9008}, types), "!~text");
  EXPECT_EQ(home({.type_oid = 9009}, types), "!list(text)");
  EXPECT_EQ(home({.type_oid = 9010}, types), "!list(text)");
  EXPECT_EQ(home({.type_oid = 4711}, types), "!~text") << "unknown";
}

TEST(ArrayColumns, FollowDimensionsAndMode) {
  const TypeCatalog types = {{1007, {.name = "_int4", .element_oid = oid::kInt4}}};
  EXPECT_EQ(home({.type_oid = 1007, .dimensions = 0}, types), "list(int32)");
  EXPECT_EQ(home({.type_oid = 1007, .dimensions = 1}, types), "list(int32)");
  EXPECT_EQ(home({.type_oid = 1007, .dimensions = 2}, types), "!~text");
  EXPECT_EQ(home({.type_oid = 1007, .dimensions = 1}, types, {{}, ArrayMode::text}), "!~text");
  EXPECT_EQ(home({.type_oid = oid::kInt2Vector}, types), "!~text");
}

TEST(Columns, KeepNameNullabilityAndSourceType) {
  plan::Column column =
      map_column({.name = "id", .type_oid = oid::kInt8, .not_null = true, .type_text = "bigint"}, {}, {});
  EXPECT_EQ(column.name, "id");
  EXPECT_FALSE(column.nullable);
  EXPECT_EQ(column.source_type, "bigint");
}

TEST(Modes, AreParsed) {
  EXPECT_EQ(parse_numeric_mode("decimal(38,10)")->precision, 38);
  EXPECT_EQ(parse_numeric_mode("decimal(18,6)")->scale, 6);
  EXPECT_EQ(parse_numeric_mode("double")->form, NumericMode::Form::floating);
  for (std::string_view wrong : {"", "decimal", "decimal(39,1)", "decimal(5,6)", "decimal(0,0)", "decimal(5)",
                                 "decimal(5,2", "decimal(5,2)x", "decimal(5,-1)", "text"}) {
    ASSERT_FALSE(parse_numeric_mode(wrong)) << wrong;
    EXPECT_EQ(parse_numeric_mode(wrong).error().code, ErrorCode::invalid_option);
  }
  EXPECT_EQ(*parse_array_mode("text"), ArrayMode::text);
  EXPECT_FALSE(parse_array_mode("json"));
}

}  // namespace
}  // namespace weir::postgres
