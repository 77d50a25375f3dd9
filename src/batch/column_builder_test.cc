#include "batch/column_builder.h"

#include <string>

#include <arrow/api.h>
#include <arrow/c/bridge.h>
#include <gtest/gtest.h>

#include "batch/schema.h"

namespace weir::batch {
namespace {

/// Hands the column to another Arrow implementation, which checks every buffer.
std::shared_ptr<arrow::Array> imported(OwnedArray array, OwnedSchema schema) {
  auto result = arrow::ImportArray(array.get(), schema.get());
  EXPECT_TRUE(result.ok()) << result.status();
  EXPECT_TRUE((*result)->ValidateFull().ok()) << (*result)->ValidateFull();
  return *result;
}

std::shared_ptr<arrow::Array> finished(ColumnBuilder& builder, std::string format) {
  return imported(builder.finish(), make_schema(std::move(format), "c", true));
}

std::string one_line(const arrow::Array& array) {
  arrow::PrettyPrintOptions options = arrow::PrettyPrintOptions::Defaults();
  options.skip_new_lines = true;
  options.window = 1000;
  options.container_window = 1000;
  std::string text;
  EXPECT_TRUE(arrow::PrettyPrint(array, options, &text).ok());
  return text;
}

TEST(ColumnBuilder, HasNoValidityBitmapWithoutNulls) {
  auto builder = ColumnBuilder::fixed(8);
  for (int64_t i = 0; i < 100; i++) builder.append(i);
  OwnedArray array = builder.finish();
  EXPECT_EQ(array->null_count, 0);
  EXPECT_EQ(array->buffers[0], nullptr);
}

TEST(ColumnBuilder, MarksValuesBeforeTheFirstNullAsValid) {
  for (int before = 0; before <= 17; before++) {
    auto builder = ColumnBuilder::fixed(4);
    for (int i = 0; i < before; i++) builder.append(i);
    builder.append_null();
    builder.append(1000);
    auto array = finished(builder, "i");
    ASSERT_EQ(array->length(), before + 2);
    EXPECT_EQ(array->null_count(), 1);
    for (int i = 0; i < before + 2; i++) EXPECT_EQ(array->IsNull(i), i == before) << before << " " << i;
  }
}

TEST(ColumnBuilder, PacksBits) {
  auto builder = ColumnBuilder::bits();
  for (int i = 0; i < 20; i++) i == 9 ? builder.append_null() : builder.append_bit(i % 3 == 0);
  auto array = finished(builder, "b");
  const auto& bits = static_cast<const arrow::BooleanArray&>(*array);
  for (int i = 0; i < 20; i++) {
    if (i == 9)
      EXPECT_TRUE(bits.IsNull(i));
    else
      EXPECT_EQ(bits.Value(i), i % 3 == 0) << i;
  }
}

TEST(ColumnBuilder, KeepsTextEmptyTextAndNullApart) {
  auto builder = ColumnBuilder::bytes();
  builder.append_bytes("Grüße", 7);
  builder.append_bytes(nullptr, 0);
  builder.append_null();
  builder.append_bytes("x", 1);
  EXPECT_EQ(one_line(*finished(builder, "u")), R"(["Grüße","",null,"x"])");
}

TEST(ColumnBuilder, BuildsListsWithNullsInsideAndOutside) {
  auto builder = ColumnBuilder::list(ColumnBuilder::fixed(4));
  builder.child().append(1);
  builder.child().append_null();
  builder.end_list();
  builder.append_null();
  builder.end_list();
  std::vector<OwnedSchema> item;
  item.push_back(make_schema("i", "item", true));
  auto array = imported(builder.finish(), make_schema("+l", "c", true, std::move(item)));
  EXPECT_EQ(one_line(*array), "[[1,null],null,[]]");
}

TEST(ColumnBuilder, StartsAnewAfterFinish) {
  auto builder = ColumnBuilder::bytes();
  builder.append_null();
  auto first = finished(builder, "u");
  builder.append_bytes("second", 6);
  EXPECT_EQ(builder.length(), 1);
  EXPECT_EQ(one_line(*first), "[null]");
  EXPECT_EQ(one_line(*finished(builder, "u")), R"(["second"])");
}

TEST(ColumnBuilder, FinishesEmptyColumns) {
  auto fixed = ColumnBuilder::fixed(16);
  EXPECT_EQ(finished(fixed, "w:16")->length(), 0);
  auto bytes = ColumnBuilder::bytes();
  EXPECT_EQ(finished(bytes, "z")->length(), 0);
}

TEST(ColumnBuilder, AppendsEarlierRowsOnceMore) {
  auto text = ColumnBuilder::bytes();
  text.append_bytes("first", 5);
  text.append_null();
  for (int i = 0; i < 200; i++) text.append_from(text, i);  // grows while it reads itself
  auto array = finished(text, "u");
  ASSERT_EQ(array->length(), 202);
  for (int i = 0; i < 202; i++) EXPECT_EQ(array->IsNull(i), i % 2 == 1) << i;
  EXPECT_EQ(static_cast<const arrow::StringArray&>(*array).GetString(200), "first");

  auto bits = ColumnBuilder::bits();
  for (const bool bit : {true, false, true}) bits.append_bit(bit);
  for (int i = 0; i < 3; i++) bits.append_from(bits, i);
  EXPECT_EQ(one_line(*finished(bits, "b")), "[true,false,true,true,false,true]");
}

TEST(ColumnBuilder, AppendsRowsOfAnother) {
  auto numbers = ColumnBuilder::list(ColumnBuilder::fixed(4));
  for (const int value : {1, 2}) numbers.child().append(value);
  numbers.end_list();
  numbers.append_null();
  auto other = ColumnBuilder::list(ColumnBuilder::fixed(4));
  other.append_from(numbers, 1);
  other.append_from(numbers, 0);
  std::vector<OwnedSchema> item;
  item.push_back(make_schema("i", "item", true));
  EXPECT_EQ(one_line(*imported(other.finish(), make_schema("+l", "c", true, std::move(item)))), "[null,[1,2]]");
}

TEST(MakeStruct, HasNullsWhereItIsTold) {
  auto builder = ColumnBuilder::fixed(4);
  for (int i = 0; i < 10; i++) builder.append(i);
  std::vector<OwnedArray> columns;
  columns.push_back(builder.finish());
  std::vector<bool> valid(10, true);
  valid[0] = valid[9] = false;
  std::vector<OwnedSchema> fields;
  fields.push_back(make_schema("i", "id", false));
  auto array = imported(make_struct(std::move(columns), valid), make_schema("+s", "", true, std::move(fields)));
  EXPECT_EQ(array->null_count(), 2);
  EXPECT_TRUE(array->IsNull(0) && array->IsValid(1) && array->IsNull(9));
}

TEST(MakeStruct, OwnsItsChildren) {
  auto builder = ColumnBuilder::fixed(8);
  builder.append(int64_t{7});
  std::vector<OwnedArray> columns;
  columns.push_back(builder.finish());
  std::vector<OwnedSchema> fields;
  fields.push_back(make_schema("l", "id", false));
  auto array = imported(make_struct(std::move(columns), 1), make_schema("+s", "", false, std::move(fields)));
  EXPECT_EQ(static_cast<const arrow::StructArray&>(*array).field(0)->ToString(), "[\n  7\n]");
}

TEST(MakeStruct, CountsRowsWithoutColumns) {
  OwnedArray array = make_struct({}, 42);
  EXPECT_EQ(array->length, 42);
  EXPECT_EQ(array->n_children, 0);
}

TEST(MakeStruct, LetsAConsumerMoveAChildOut) {
  auto builder = ColumnBuilder::fixed(8);
  builder.append(int64_t{7});
  std::vector<OwnedArray> columns;
  columns.push_back(builder.finish());
  OwnedArray whole = make_struct(std::move(columns), 1);
  OwnedArray child(*whole->children[0]);
  whole.reset();
  EXPECT_EQ(*static_cast<const int64_t*>(child->buffers[1]), 7);
}

}  // namespace
}  // namespace weir::batch
