#include "engine/arrow_vectors.h"

#include <arrow/api.h>
#include <arrow/c/bridge.h>
#include <gtest/gtest.h>

#include "engine/remote_types.h"

namespace weir::engine {
namespace {

using plan::Kind;
using plan::Type;
using Texts = std::vector<std::string>;

void check(const arrow::Status& status) { ASSERT_TRUE(status.ok()) << status.ToString(); }

/// The values from `row` on, as DuckDB shows them; the batch is gone before they are looked at.
Texts shown(const std::shared_ptr<arrow::Array>& array, const Type& type, int64_t row = 0, int64_t count = -1) {
  duckdb::Vector vector(to_logical_type(type));
  if (count < 0) count = array->length() - row;
  {
    auto batch = std::make_shared<connector::Batch>();
    const auto record =
        arrow::RecordBatch::Make(arrow::schema({arrow::field("c", array->type())}), array->length(), {array});
    check(arrow::ExportRecordBatch(*record, batch->columns.get()));
    fill_vector(vector, type, *batch->columns->children[0], row, count, own(batch));
  }
  Texts texts;
  for (int64_t i = 0; i < count; ++i) texts.push_back(vector.GetValue(static_cast<duckdb::idx_t>(i)).ToString());
  return texts;
}

template <typename Builder, typename Value>
std::shared_ptr<arrow::Array> build(Builder&& builder, const std::vector<std::optional<Value>>& values) {
  for (const auto& value : values) check(value ? builder.Append(*value) : builder.AppendNull());
  return builder.Finish().ValueOrDie();
}

template <typename Builder, typename Value>
std::shared_ptr<arrow::Array> build(const std::vector<std::optional<Value>>& values) {
  return build(Builder(), values);
}

std::shared_ptr<arrow::Array> fixed(const std::vector<std::string>& values) {
  arrow::FixedSizeBinaryBuilder builder(arrow::fixed_size_binary(16));
  for (const auto& value : values) check(builder.Append(value));
  return builder.Finish().ValueOrDie();
}

TEST(ArrowVectors, Numbers) {
  EXPECT_EQ(shown(build<arrow::Int16Builder, int16_t>({-32768, std::nullopt, 7}), {Kind::int16, 0, 0, {}}),
            (Texts{"-32768", "NULL", "7"}));
  EXPECT_EQ(shown(build<arrow::UInt32Builder, uint32_t>({4294967295u}), {Kind::uint32, 0, 0, {}}), Texts{"4294967295"});
  EXPECT_EQ(shown(build<arrow::Int64Builder, int64_t>({INT64_MIN, INT64_MAX}), {Kind::int64, 0, 0, {}}),
            (Texts{"-9223372036854775808", "9223372036854775807"}));
  EXPECT_EQ(shown(build<arrow::DoubleBuilder, double>({-0.0, NAN, 0.1}), {Kind::float64, 0, 0, {}}),
            (Texts{"-0.0", "nan", "0.1"}));
}

TEST(ArrowVectors, Booleans) {
  EXPECT_EQ(shown(build<arrow::BooleanBuilder, bool>({true, false, std::nullopt, true}), {Kind::boolean, 0, 0, {}}, 1),
            (Texts{"false", "NULL", "true"}));
}

TEST(ArrowVectors, DecimalsOfEveryWidth) {
  for (const uint8_t precision : {4, 9, 18, 38}) {
    arrow::Decimal128Builder builder(arrow::decimal128(precision, 2));
    const auto array = build<arrow::Decimal128Builder&, arrow::Decimal128>(
        builder, {arrow::Decimal128(-1250), std::nullopt, arrow::Decimal128(9999)});
    EXPECT_EQ(shown(array, {Kind::decimal, precision, 2, {}}), (Texts{"-12.50", "NULL", "99.99"})) << int{precision};
  }
  arrow::Decimal128Builder wide(arrow::decimal128(38, 0));
  check(wide.Append(arrow::Decimal128("-99999999999999999999999999999999999999")));
  EXPECT_EQ(shown(wide.Finish().ValueOrDie(), {Kind::decimal, 38, 0, {}}),
            Texts{"-99999999999999999999999999999999999999"});
}

TEST(ArrowVectors, TextsShortAndLong) {
  const std::string longer(1'000, 'x');
  EXPECT_EQ(shown(build<arrow::StringBuilder, std::string>({"", "twelve bytes", std::nullopt, longer}),
                  {Kind::text, 0, 0, {}}),
            (Texts{"", "twelve bytes", "NULL", longer}));
  EXPECT_EQ(shown(build<arrow::BinaryBuilder, std::string>({std::string("\0a", 2)}), {Kind::binary, 0, 0, {}}),
            Texts{"\\x00a"});
}

TEST(ArrowVectors, DatesAndTimes) {
  EXPECT_EQ(shown(build<arrow::Date32Builder, int32_t>({0, INT32_MAX, -INT32_MAX, -719163}), {Kind::date, 0, 0, {}}),
            (Texts{"1970-01-01", "infinity", "-infinity", "0001-12-31 (BC)"}));
  const auto time = build(arrow::Time64Builder(arrow::time64(arrow::TimeUnit::MICRO), arrow::default_memory_pool()),
                          std::vector<std::optional<int64_t>>{1});
  EXPECT_EQ(shown(time, {Kind::time, 0, 0, {}}), Texts{"00:00:00.000001"});
  const auto stamps =
      build(arrow::TimestampBuilder(arrow::timestamp(arrow::TimeUnit::MICRO), arrow::default_memory_pool()),
            std::vector<std::optional<int64_t>>{0, INT64_MAX, -INT64_MAX});
  EXPECT_EQ(shown(stamps, {Kind::timestamp, 0, 0, {}}), (Texts{"1970-01-01 00:00:00", "infinity", "-infinity"}));
}

TEST(ArrowVectors, IntervalsAndUuids) {
  const struct {
    int32_t months = 14, days = -3;
    int64_t micros = 1'000'000;
  } interval;
  EXPECT_EQ(shown(fixed({std::string(reinterpret_cast<const char*>(&interval), 16)}), {Kind::interval, 0, 0, {}}),
            Texts{"1 year 2 months -3 days 00:00:01"});
  EXPECT_EQ(shown(fixed({std::string("\xff\x00\x11\x22\x33\x44\x55\x66\x77\x88\x99\xaa\xbb\xcc\xdd\xee", 16)}),
                  {Kind::uuid, 0, 0, {}}),
            Texts{"ff001122-3344-5566-7788-99aabbccddee"});
}

TEST(ArrowVectors, ListsOfLists) {
  auto values = std::make_shared<arrow::Int32Builder>();
  auto inner = std::make_shared<arrow::ListBuilder>(arrow::default_memory_pool(), values);
  arrow::ListBuilder outer(arrow::default_memory_pool(), inner);
  check(outer.Append());
  check(inner->Append());
  check(values->AppendValues({1, 2}));
  check(inner->AppendNull());
  check(outer.AppendNull());
  check(outer.Append());
  check(outer.Append());
  check(inner->Append());
  check(values->AppendNull());
  const Type type{Kind::list, 0, 0, {{Kind::list, 0, 0, {{Kind::int32, 0, 0, {}}}}}};
  const auto array = outer.Finish().ValueOrDie();
  EXPECT_EQ(shown(array, type), (Texts{"[[1, 2], NULL]", "NULL", "[]", "[[NULL]]"}));
  EXPECT_EQ(shown(array, type, 2), (Texts{"[]", "[[NULL]]"}));
}

TEST(ArrowVectors, ListsLongerThanAVector) {
  auto values = std::make_shared<arrow::StringBuilder>();
  arrow::ListBuilder lists(arrow::default_memory_pool(), values);
  check(lists.Append());
  for (int i = 0; i < 5'000; ++i)
    check(i % 3 == 0 ? values->AppendNull() : values->Append("a text that is not inlined"));
  const auto text = shown(lists.Finish().ValueOrDie(), {Kind::list, 0, 0, {{Kind::text, 0, 0, {}}}}).at(0);
  EXPECT_TRUE(text.starts_with("[NULL, a text that is not inlined, a text")) << text.substr(0, 60);
}

TEST(ArrowVectors, ReadsFromAnyRowOfASlicedArray) {
  std::vector<std::optional<int32_t>> values;
  for (int i = 0; i < 300; ++i) values.push_back(i % 3 == 0 ? std::nullopt : std::optional(i));
  const auto array = build<arrow::Int32Builder, int32_t>(values);
  for (int offset = 0; offset < 20; ++offset) {
    for (const int64_t row : {0, 1, 8, 70}) {
      const auto texts = shown(array->Slice(offset), {Kind::int32, 0, 0, {}}, row, 100);
      for (int i = 0; i < 100; ++i) {
        const auto& value = values[static_cast<size_t>(offset + row + i)];
        ASSERT_EQ(texts[static_cast<size_t>(i)], value ? std::to_string(*value) : "NULL");
      }
    }
  }
}

}  // namespace
}  // namespace weir::engine
