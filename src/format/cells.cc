/// From Arrow types to cells: a table of makers, the scalar ones here and the nested ones in nested_cells.cc.
#include "format/cells.h"

#include <cmath>
#include <cstring>

#include <arrow/array.h>
#include <arrow/type.h>

#include "format/json_text.h"
#include "format/nested_cells.h"
#include "format/scalar_text.h"

namespace weir::format {
namespace {

using ArrayPtr = std::shared_ptr<arrow::Array>;
using CellsPtr = std::unique_ptr<Cells>;

/// Cells made of two functions `(const Array&, int64_t row, std::string& out)`.
template <typename Array, typename Json, typename Text>
class FunctionCells final : public Cells {
 public:
  FunctionCells(const ArrayPtr& array, Json json, Text text)
      : array_(std::static_pointer_cast<Array>(array)), json_(json), text_(text) {}
  bool is_null(int64_t row) const override { return array_->IsNull(row); }
  void json(int64_t row, std::string& out) const override {
    if (array_->IsNull(row)) {
      out += "null";
    } else {
      json_(*array_, row, out);
    }
  }
  void text(int64_t row, std::string& out) const override { text_(*array_, row, out); }

 private:
  std::shared_ptr<Array> array_;
  Json json_;
  Text text_;
};

template <typename Array, typename Json, typename Text>
CellsPtr cells(const ArrayPtr& array, Json json, Text text) {
  return std::make_unique<FunctionCells<Array, Json, Text>>(array, json, text);
}

/// A value whose JSON form is its text.
template <typename Array, typename Text>
CellsPtr bare(const ArrayPtr& array, Text text) {
  return cells<Array>(array, text, text);
}

/// A value whose JSON form is its text in quotes; nothing in it needs an escape.
template <typename Array, typename Text>
CellsPtr quoted(const ArrayPtr& array, Text text) {
  auto json = [text](const Array& values, int64_t row, std::string& out) {
    out += '"';
    text(values, row, out);
    out += '"';
  };
  return cells<Array>(array, json, text);
}

template <typename Array>
CellsPtr integer(const ArrayPtr& array) {
  return bare<Array>(
      array, [](const Array& values, int64_t row, std::string& out) { append_integer(values.Value(row), out); });
}

template <typename Array>
CellsPtr floating(const ArrayPtr& array) {
  auto text = [](const Array& values, int64_t row, std::string& out) { append_float(values.Value(row), out); };
  auto json = [text](const Array& values, int64_t row, std::string& out) {
    const bool finite = std::isfinite(values.Value(row));
    if (!finite) out += '"';
    text(values, row, out);
    if (!finite) out += '"';
  };
  return cells<Array>(array, json, text);
}

template <typename Array>
CellsPtr boolean(const ArrayPtr& array) {
  return bare<Array>(
      array, [](const Array& values, int64_t row, std::string& out) { out += values.Value(row) ? "true" : "false"; });
}

template <typename Array>
CellsPtr string(const ArrayPtr& array, std::string_view sql_type) {
  auto text = [](const Array& values, int64_t row, std::string& out) { out += values.GetView(row); };
  if (sql_type == "JSON") {
    return cells<Array>(
        array,
        [](const Array& values, int64_t row, std::string& out) { append_json_document(values.GetView(row), out); },
        text);
  }
  return cells<Array>(
      array, [](const Array& values, int64_t row, std::string& out) { append_json_string(values.GetView(row), out); },
      text);
}

template <typename Array>
CellsPtr binary(const ArrayPtr& array, TextStyle style) {
  auto base64 = [](const Array& values, int64_t row, std::string& out) { append_base64(values.GetView(row), out); };
  if (style == TextStyle::machine) return quoted<Array>(array, base64);
  auto json = [base64](const Array& values, int64_t row, std::string& out) {
    out += '"';
    base64(values, row, out);
    out += '"';
  };
  return cells<Array>(array, json,
                      [](const Array& values, int64_t row, std::string& out) { append_hex(values.GetView(row), out); });
}

template <typename Integer>
Integer load(const uint8_t* bytes) {
  Integer value;
  std::memcpy(&value, bytes, sizeof value);
  return value;
}

/// `Integer` is the form that the value has in memory.
template <typename Array, typename Integer>
CellsPtr decimal(const ArrayPtr& array, std::string_view sql_type) {
  const int scale = static_cast<const arrow::DecimalType&>(*array->type()).scale();
  auto text = [scale](const Array& values, int64_t row, std::string& out) {
    append_decimal(load<Integer>(values.GetValue(row)), scale, out);
  };
  // These come as decimals because Arrow has no integers of their width; they are integers all the same.
  if (sql_type == "HUGEINT" || sql_type == "UHUGEINT") return bare<Array>(array, text);
  return quoted<Array>(array, text);
}

TicksPerSecond ticks_per_second(arrow::TimeUnit::type unit) {
  switch (unit) {
    case arrow::TimeUnit::SECOND:
      return 1;
    case arrow::TimeUnit::MILLI:
      return 1'000;
    case arrow::TimeUnit::MICRO:
      return 1'000'000;
    case arrow::TimeUnit::NANO:
      break;
  }
  return 1'000'000'000;
}

template <typename Array>
CellsPtr time(const ArrayPtr& array) {
  const auto per_second = ticks_per_second(static_cast<const arrow::TimeType&>(*array->type()).unit());
  return quoted<Array>(array, [per_second](const Array& values, int64_t row, std::string& out) {
    append_time(values.Value(row), per_second, out);
  });
}

CellsPtr timestamp(const ArrayPtr& array, TextStyle style) {
  using Array = arrow::TimestampArray;
  const auto& type = static_cast<const arrow::TimestampType&>(*array->type());
  const auto per_second = ticks_per_second(type.unit());
  const bool utc = !type.timezone().empty();
  auto with = [per_second, utc](char separator) {
    return [per_second, utc, separator](const Array& values, int64_t row, std::string& out) {
      append_timestamp(values.Value(row), per_second, separator, utc, out);
    };
  };
  if (style == TextStyle::machine) return quoted<Array>(array, with('T'));
  auto json = [iso = with('T')](const Array& values, int64_t row, std::string& out) {
    out += '"';
    iso(values, row, out);
    out += '"';
  };
  return cells<Array>(array, json, with(' '));
}

CellsPtr date(const ArrayPtr& array) {
  using Array = arrow::Date32Array;
  return quoted<Array>(array,
                       [](const Array& values, int64_t row, std::string& out) { append_date(values.Value(row), out); });
}

/// Null for a type that is not a scalar.
CellsPtr make_scalar_cells(const ArrayPtr& array, std::string_view sql_type, TextStyle style) {
  switch (array->type_id()) {
    case arrow::Type::NA:
      return bare<arrow::NullArray>(array, [](const auto&, int64_t, std::string&) {});
    case arrow::Type::BOOL:
      return boolean<arrow::BooleanArray>(array);
    case arrow::Type::INT8:
      return integer<arrow::Int8Array>(array);
    case arrow::Type::INT16:
      return integer<arrow::Int16Array>(array);
    case arrow::Type::INT32:
      return integer<arrow::Int32Array>(array);
    case arrow::Type::INT64:
      return integer<arrow::Int64Array>(array);
    case arrow::Type::UINT8:
      return integer<arrow::UInt8Array>(array);
    case arrow::Type::UINT16:
      return integer<arrow::UInt16Array>(array);
    case arrow::Type::UINT32:
      return integer<arrow::UInt32Array>(array);
    case arrow::Type::UINT64:
      return integer<arrow::UInt64Array>(array);
    case arrow::Type::FLOAT:
      return floating<arrow::FloatArray>(array);
    case arrow::Type::DOUBLE:
      return floating<arrow::DoubleArray>(array);
    case arrow::Type::DECIMAL32:
      return decimal<arrow::Decimal32Array, int32_t>(array, sql_type);
    case arrow::Type::DECIMAL64:
      return decimal<arrow::Decimal64Array, int64_t>(array, sql_type);
    case arrow::Type::DECIMAL128:
      return decimal<arrow::Decimal128Array, __int128>(array, sql_type);
    case arrow::Type::STRING:
      return string<arrow::StringArray>(array, sql_type);
    case arrow::Type::LARGE_STRING:
      return string<arrow::LargeStringArray>(array, sql_type);
    case arrow::Type::STRING_VIEW:
      return string<arrow::StringViewArray>(array, sql_type);
    case arrow::Type::BINARY:
      return binary<arrow::BinaryArray>(array, style);
    case arrow::Type::LARGE_BINARY:
      return binary<arrow::LargeBinaryArray>(array, style);
    case arrow::Type::BINARY_VIEW:
      return binary<arrow::BinaryViewArray>(array, style);
    case arrow::Type::FIXED_SIZE_BINARY:
      return binary<arrow::FixedSizeBinaryArray>(array, style);
    case arrow::Type::DATE32:
      return date(array);
    case arrow::Type::TIME32:
      return time<arrow::Time32Array>(array);
    case arrow::Type::TIME64:
      return time<arrow::Time64Array>(array);
    case arrow::Type::TIMESTAMP:
      return timestamp(array, style);
    default:
      return nullptr;
  }
}

}  // namespace

Result<CellsPtr> make_cells(const ArrayPtr& array, std::string_view sql_type, TextStyle style) {
  if (CellsPtr scalar = make_scalar_cells(array, sql_type, style)) return scalar;
  return make_nested_cells(array, sql_type, style);
}

bool is_numeric(const arrow::DataType& type) { return arrow::is_numeric(type.id()) || arrow::is_decimal(type.id()); }

}  // namespace weir::format
