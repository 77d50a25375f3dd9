#include "connectors/postgres/postgres_decoder.h"

#include <limits>
#include <random>

#include <arrow/api.h>
#include <arrow/c/bridge.h>
#include <gtest/gtest.h>

#include "connector/arrow_schema.h"
#include "connectors/postgres/wire_fixture.h"

namespace weir::postgres {
namespace {

using plan::Kind;

std::span<const char> span_of(const Wire& wire) { return {wire.data().data(), wire.data().size()}; }

/// Decodes one value of one column, through COPY.
Result<std::string> decode(plan::Type type, const Wire& value, bool cast_to_text = false,
                           std::string source_type = "numeric") {
  BatchDecoder decoder("public.orders", {column("total", type, std::move(source_type), cast_to_text)});
  WEIR_TRY(decoder.append_copy_row(span_of(copy_header().i16(1).value(value))));
  auto batch = WEIR_TRY(decoder.take());
  return cells(batch, 0, type).at(0);
}

std::string decoded(Kind kind, const Wire& value, bool cast_to_text = false) {
  auto cell = decode(scalar_type(kind), value, cast_to_text);
  return cell ? *cell : cell.error().to_string();
}

TEST(Values, OfFixedWidth) {
  EXPECT_EQ(decoded(Kind::boolean, Wire().bytes("\1")), "true");
  EXPECT_EQ(decoded(Kind::int16, Wire().i16(-32768)), "-32768");
  EXPECT_EQ(decoded(Kind::int32, Wire().i32(-2)), "-2");
  EXPECT_EQ(decoded(Kind::int64, Wire().i64(INT64_MIN)), "-9223372036854775808");
  EXPECT_EQ(decoded(Kind::uint32, Wire().i32(-1)), "4294967295");
  EXPECT_EQ(decoded(Kind::time, Wire().i64(86'400'000'000)), "86400000000");
  EXPECT_EQ(decoded(Kind::uuid, Wire().bytes("0123456789abcdef")), "30313233343536373839616263646566");
  EXPECT_EQ(decoded(Kind::interval, Wire().i64(-1).i32(2).i32(3)), "3 2 -1");
}

TEST(Values, FloatsKeepEveryBit) {
  EXPECT_EQ(decoded(Kind::float64, Wire().f64(-0.0)), "8000000000000000");
  EXPECT_EQ(decoded(Kind::float64, Wire().i64(0x7ff8000000000001)), "7ff8000000000001");
  EXPECT_EQ(decoded(Kind::float32, Wire().i32(0x7fc00001)), "7fc00001");
}

TEST(Values, TextAndBytes) {
  EXPECT_EQ(decoded(Kind::text, Wire().bytes("Grüße")), "Grüße");
  EXPECT_EQ(decoded(Kind::text, Wire()), "");
  EXPECT_EQ(decoded(Kind::json, Wire().bytes("{}")), "{}");
  EXPECT_EQ(decoded(Kind::binary, Wire().bytes(std::string_view("\0\xff", 2))), "00ff");
}

TEST(Values, TheByteOfACharThatIsNoTextIsEscaped) {
  EXPECT_EQ(decoded(Kind::text, Wire().bytes("r")), "r");
  EXPECT_EQ(decoded(Kind::text, Wire().bytes(std::string_view("\0", 1))), "");
  EXPECT_EQ(decoded(Kind::text, Wire().bytes("\351")), "\\351");
}

TEST(Values, MomentsCountFrom1970) {
  EXPECT_EQ(decoded(Kind::date, Wire().i32(0)), "10957");
  EXPECT_EQ(decoded(Kind::date, Wire().i32(INT32_MAX)), "2147483647");
  EXPECT_EQ(decoded(Kind::date, Wire().i32(INT32_MIN)), "-2147483647");
  EXPECT_EQ(decoded(Kind::timestamp, Wire().i64(0)), "946684800000000");
  EXPECT_EQ(decoded(Kind::timestamptz, Wire().i64(-946684800000000)), "0");
  EXPECT_EQ(decoded(Kind::timestamp, Wire().i64(INT64_MAX)), "9223372036854775807");
  EXPECT_EQ(decoded(Kind::timestamp, Wire().i64(INT64_MIN)), "-9223372036854775807");
}

TEST(Values, MomentsOutsideOfTheRangeAreErrors) {
  const int64_t last = INT64_MAX - 946684800000000 - 1;
  EXPECT_EQ(decoded(Kind::timestamp, Wire().i64(last)), "9223372036854775806");
  auto error = decode(scalar_type(Kind::timestamp), Wire().i64(last + 1));
  ASSERT_FALSE(error);
  EXPECT_EQ(error.error().code, ErrorCode::value_out_of_range);
  EXPECT_EQ(decode(scalar_type(Kind::date), Wire().i32(INT32_MAX - 10957)).error().code, ErrorCode::value_out_of_range);
}

TEST(Values, InfiniteIntervalsAreErrors) {
  EXPECT_EQ(decode(scalar_type(Kind::interval), Wire().i64(INT64_MAX).i32(INT32_MAX).i32(INT32_MAX)).error().code,
            ErrorCode::value_out_of_range);
}

TEST(Values, NumericTextBecomesADouble) {
  auto bits = [](double value) { return fmt::format("{:016x}", std::bit_cast<uint64_t>(value)); };
  EXPECT_EQ(decoded(Kind::float64, Wire().bytes("0.1"), true), bits(0.1));
  EXPECT_EQ(decoded(Kind::float64, Wire().bytes("Infinity"), true), bits(std::numeric_limits<double>::infinity()));
  EXPECT_EQ(decoded(Kind::float64, Wire().bytes("-0." + std::string(400, '0') + "1"), true), bits(-0.0));
  auto error = decode(scalar_type(Kind::float64), Wire().bytes("1" + std::string(400, '0')), true);
  ASSERT_FALSE(error);
  EXPECT_EQ(error.error().code, ErrorCode::value_out_of_range);
  EXPECT_EQ(decode(scalar_type(Kind::float64), Wire().bytes("0.1x"), true).error().code, ErrorCode::schema_drift);
}

Wire array_of(std::initializer_list<Wire> elements) {
  Wire wire;
  wire.i32(1).i32(0).i32(23).i32(static_cast<int32_t>(elements.size())).i32(1);
  for (const Wire& element : elements) wire.value(element);
  return wire;
}

TEST(Lists, HoldElementsAndNulls) {
  auto type = list_type(scalar_type(Kind::int32));
  EXPECT_EQ(*decode(type, Wire().i32(0).i32(0).i32(23)), "{}");
  EXPECT_EQ(*decode(type, array_of({Wire().i32(7), Wire().i32(-1)})), "{7,-1}");
  EXPECT_EQ(*decode(type, Wire().i32(1).i32(1).i32(23).i32(2).i32(1).null().value(Wire().i32(5))), "{NULL,5}");
}

TEST(Lists, Nest) {
  auto inner = array_of({Wire().i32(7)});
  EXPECT_EQ(*decode(list_type(list_type(scalar_type(Kind::int32))), array_of({inner, inner})), "{{7},{7}}");
}

TEST(Lists, OfAnotherShapeNameTheOption) {
  auto type = list_type(scalar_type(Kind::int32));
  auto matrix = decode(type, Wire().i32(2).i32(0).i32(23).i32(0).i32(1).i32(0).i32(1), false, "integer[]");
  ASSERT_FALSE(matrix);
  EXPECT_EQ(matrix.error().to_string(),
            "value_out_of_range: cannot hold integer[] of table public.orders column total as list(int32): an array of "
            "several dimensions (set connection.array_mode to 'text')");
  auto shifted = decode(type, Wire().i32(1).i32(0).i32(23).i32(0).i32(0));
  EXPECT_EQ(shifted.error().code, ErrorCode::value_out_of_range);
}

TEST(Lists, ThatAreMalformedAreErrors) {
  auto type = list_type(scalar_type(Kind::int32));
  for (const Wire& wire : {Wire().i32(1), Wire().i32(1).i32(0).i32(23).i32(1), Wire().i32(-1).i32(0).i32(23),
                           Wire().i32(1).i32(0).i32(23).i32(-5).i32(1), array_of({Wire().i32(1)}).i32(9),
                           Wire().i32(1).i32(0).i32(23).i32(1000000000).i32(1).value(Wire().i32(1)),
                           Wire().i32(1).i32(0).i32(23).i32(1).i32(1).i32(-2),
                           Wire().i32(1).i32(0).i32(23).i32(1).i32(1).i32(100).i32(1)}) {
    auto result = decode(type, wire);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, ErrorCode::schema_drift);
  }
}

TEST(Errors, SayWhatIsMissingWhere) {
  auto error = decode(decimal_type(15, 2), Wire().i16(6).i16(0).i16(0).i16(0).i16(1).i16(2).i16(3));
  ASSERT_FALSE(error);
  EXPECT_EQ(
      error.error().message,
      "cannot decode numeric of table public.orders column total: 14 bytes left, need 20 (protocol error; report it)");
  auto width = decode(scalar_type(Kind::int32), Wire().i64(1), false, "integer");
  EXPECT_EQ(width.error().message,
            "cannot decode integer of table public.orders column total: 8 bytes, need 4 (protocol error; report it)");
}

BatchDecoder two_columns(DecodeLimits limits = {}) {
  return BatchDecoder("public.t", {column("id", scalar_type(Kind::int64)), column("name", scalar_type(Kind::text))},
                      limits);
}

Wire row(int64_t id, std::string_view name) { return Wire().i16(2).value(Wire().i64(id)).value(Wire().bytes(name)); }

TEST(CopyRows, StartWithAHeaderAndEndWithATrailer) {
  auto decoder = two_columns();
  ASSERT_TRUE(decoder.append_copy_row(span_of(copy_header().bytes(row(1, "a").data()))));
  ASSERT_TRUE(decoder.append_copy_row(span_of(Wire().i16(2).value(Wire().i64(2)).null())));
  ASSERT_TRUE(decoder.append_copy_row(span_of(Wire().i16(-1))));
  auto batch = decoder.take();
  EXPECT_EQ(batch->rows, 2);
  EXPECT_EQ(cells(*batch, 0, scalar_type(Kind::int64)), (std::vector<std::string>{"1", "2"}));
  EXPECT_EQ(cells(*batch, 1, scalar_type(Kind::text)), (std::vector<std::string>{"a", "NULL"}));
}

TEST(CopyRows, OfAnEmptyTableAreHeaderAndTrailerInOne) {
  auto decoder = two_columns();
  ASSERT_TRUE(decoder.append_copy_row(span_of(copy_header().i16(-1))));
  EXPECT_EQ(decoder.take()->rows, 0);
}

TEST(CopyRows, WithAHeaderExtensionAreRead) {
  auto decoder = two_columns();
  Wire header = Wire().bytes(std::string_view("PGCOPY\n\377\r\n\0", 11)).i32(0).i32(3).bytes("xyz");
  ASSERT_TRUE(decoder.append_copy_row(span_of(header.bytes(row(1, "a").data()))));
  EXPECT_EQ(decoder.rows(), 1);
}

TEST(CopyRows, ThatAreMalformedAreErrors) {
  std::string signature("PGCOPY\n\377\r\n\0", 11);
  std::string good = copy_header().bytes(row(1, "abc").data()).data();
  std::vector<std::string> bad = {
      "",
      "PGCOPX\n\377\r\n",
      signature,
      signature + Wire().i32(1 << 16).i32(0).data(),
      signature + Wire().i32(0).i32(-1).data(),
      signature + Wire().i32(0).i32(100).data(),
      copy_header().i16(3).data(),
      copy_header().i16(-2).data(),
      copy_header().i16(2).i32(-2).data(),
      copy_header().i16(-1).i16(2).data(),
      good + "x",
  };
  for (size_t cut = 1; cut < good.size(); cut++) {
    if (cut != copy_header().data().size()) bad.push_back(good.substr(0, cut));
  }
  for (const std::string& message : bad) {
    auto decoder = two_columns();
    Status status = decoder.append_copy_row({message.data(), message.size()});
    ASSERT_FALSE(status) << hex(message.data(), message.size());
    EXPECT_NE(status.error().message.find("public.t"), std::string::npos) << status.error().message;
  }
}

TEST(Batches, AreFullAtTheirLimits) {
  auto by_rows = two_columns({.rows_max = 2});
  ASSERT_TRUE(by_rows.append_copy_row(span_of(copy_header().bytes(row(1, "a").data()))));
  EXPECT_FALSE(by_rows.full());
  ASSERT_TRUE(by_rows.append_copy_row(span_of(row(2, "b"))));
  EXPECT_TRUE(by_rows.full());
  ASSERT_TRUE(by_rows.take());
  EXPECT_FALSE(by_rows.full());
  EXPECT_EQ(by_rows.rows(), 0);
  EXPECT_EQ(by_rows.bytes(), 0u);

  auto by_bytes = two_columns({.bytes_max = 1000});
  ASSERT_TRUE(by_bytes.append_copy_row(span_of(copy_header().bytes(row(1, std::string(2000, 'x')).data()))));
  EXPECT_TRUE(by_bytes.full());
}

TEST(Batches, FollowEachOther) {
  auto decoder = two_columns();
  ASSERT_TRUE(decoder.append_copy_row(span_of(copy_header().bytes(row(1, "first").data()))));
  auto first = decoder.take();
  ASSERT_TRUE(decoder.append_copy_row(span_of(row(2, "second"))));
  auto second = decoder.take();
  EXPECT_EQ(cells(*first, 1, scalar_type(Kind::text)), std::vector<std::string>{"first"});
  EXPECT_EQ(cells(*second, 1, scalar_type(Kind::text)), std::vector<std::string>{"second"});
}

TEST(Batches, CountRowsWithoutColumns) {
  BatchDecoder decoder("public.t", {});
  ASSERT_TRUE(decoder.append_copy_row(span_of(copy_header().i16(0))));
  ASSERT_TRUE(decoder.append_values({}));
  EXPECT_EQ(decoder.take()->rows, 2);
}

TEST(ResultRows, AreDecodedLikeCopyRows) {
  auto decoder = two_columns();
  std::string id = Wire().i64(5).data();
  std::vector<WireValue> row = {{id.data(), 8}, {nullptr, -1}};
  ASSERT_TRUE(decoder.append_values(row));
  auto batch = decoder.take();
  EXPECT_EQ(cells(*batch, 0, scalar_type(Kind::int64)), std::vector<std::string>{"5"});
  EXPECT_EQ(cells(*batch, 1, scalar_type(Kind::text)), std::vector<std::string>{"NULL"});
  EXPECT_FALSE(decoder.append_values({row.data(), 1}));
}

struct Sample {
  plan::Column column;
  Wire value;
};

std::vector<Sample> one_of_each() {
  return {
      {column("a", scalar_type(Kind::boolean)), Wire().bytes("\1")},
      {column("b", scalar_type(Kind::int16)), Wire().i16(1)},
      {column("c", scalar_type(Kind::int32)), Wire().i32(1)},
      {column("d", scalar_type(Kind::int64)), Wire().i64(1)},
      {column("e", scalar_type(Kind::uint32)), Wire().i32(1)},
      {column("f", scalar_type(Kind::float32)), Wire().f32(1)},
      {column("g", scalar_type(Kind::float64)), Wire().f64(1)},
      {column("h", decimal_type(20, 4)), numeric_wire(1, 0, {1, 2, 3})},
      {column("i", scalar_type(Kind::text)), Wire().bytes("text")},
      {column("j", scalar_type(Kind::binary)), Wire().bytes("bytes")},
      {column("k", scalar_type(Kind::date)), Wire().i32(1)},
      {column("l", scalar_type(Kind::time)), Wire().i64(1)},
      {column("m", scalar_type(Kind::timestamp)), Wire().i64(1)},
      {column("n", scalar_type(Kind::timestamptz)), Wire().i64(1)},
      {column("o", scalar_type(Kind::interval)), Wire().i64(1).i32(2).i32(3)},
      {column("p", scalar_type(Kind::uuid)), Wire().bytes("0123456789abcdef")},
      {column("q", scalar_type(Kind::json)), Wire().bytes("{}")},
      {column("r", list_type(decimal_type(9, 2))), array_of({numeric_wire(0, 0, {5}), numeric_wire(0, 0, {6})})},
      {column("s", list_type(list_type(scalar_type(Kind::text)))), array_of({array_of({Wire().bytes("x")})})},
      {column("t", scalar_type(Kind::float64), "numeric", true), Wire().bytes("1.5")},
  };
}

/// Another Arrow implementation agrees with the schema and checks every buffer.
TEST(Batches, AreValidArrow) {
  std::vector<plan::Column> columns;
  Wire values, nulls;
  for (const Sample& sample : one_of_each()) {
    columns.push_back(sample.column);
    values.value(sample.value);
    nulls.null();
  }
  auto count = static_cast<int16_t>(columns.size());
  BatchDecoder decoder("public.t", columns);
  ASSERT_TRUE(decoder.append_copy_row(span_of(copy_header().i16(count).bytes(values.data()))));
  ASSERT_TRUE(decoder.append_copy_row(span_of(Wire().i16(count).bytes(nulls.data()))));
  ASSERT_TRUE(decoder.append_copy_row(span_of(Wire().i16(count).bytes(values.data()))));
  auto batch = decoder.take();
  auto schema = connector::arrow_schema(columns);
  auto imported = arrow::ImportRecordBatch(batch->columns.get(), schema.get());
  ASSERT_TRUE(imported.ok()) << imported.status();
  EXPECT_TRUE((*imported)->ValidateFull().ok()) << (*imported)->ValidateFull();
  EXPECT_EQ((*imported)->num_rows(), 3);
  for (const auto& array : (*imported)->columns()) {
    EXPECT_EQ(array->null_count(), 1);
    EXPECT_TRUE(array->RangeEquals(0, 1, 2, array));
  }
}

/// Cut anywhere, or with any byte changed, a row is a value or an error; sanitizers watch for the rest.
TEST(Fuzz, DamagedRowsAreValuesOrErrors) {
  std::mt19937 random(20261121);
  std::vector<plan::Column> columns;
  Wire values;
  for (const Sample& sample : one_of_each()) {
    columns.push_back(sample.column);
    values.value(sample.value);
  }
  const std::string good = copy_header().i16(static_cast<int16_t>(columns.size())).bytes(values.data()).data();
  int refused = 0;
  for (int round = 0; round < 20000; round++) {
    std::string damaged = good;
    for (uint32_t changes = 1 + random() % 3; changes > 0; changes--) {
      damaged[21 + random() % (damaged.size() - 21)] = static_cast<char>(random() % 3 == 0 ? 0xff : random());
    }
    if (random() % 2 == 0) damaged.resize(random() % damaged.size());
    auto exact = std::make_unique<char[]>(damaged.size());  // its end is the end of the allocation
    std::copy(damaged.begin(), damaged.end(), exact.get());
    BatchDecoder decoder("public.t", columns);
    Status status = decoder.append_copy_row({exact.get(), damaged.size()});
    refused += !status;
    if (status) {
      EXPECT_TRUE(decoder.take());
    }
  }
  EXPECT_GT(refused, 10000);
}

}  // namespace
}  // namespace weir::postgres
