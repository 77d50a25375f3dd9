/// Values made of values.
#include "format/nested_cells.h"

#include <algorithm>
#include <vector>

#include <arrow/array.h>
#include <arrow/type.h>

#include "format/json_text.h"
#include "format/sql_type.h"

namespace weir::format {
namespace {

using ArrayPtr = std::shared_ptr<arrow::Array>;
using CellsPtr = std::unique_ptr<Cells>;

/// A nested value's text is its JSON.
class NestedCells : public Cells {
 public:
  explicit NestedCells(ArrayPtr array) : array_(std::move(array)) {}
  bool is_null(int64_t row) const override { return array_->IsNull(row); }
  void json(int64_t row, std::string& out) const final {
    if (is_null(row)) {
      out += "null";
    } else {
      value(row, out);
    }
  }
  void text(int64_t row, std::string& out) const override { value(row, out); }

 protected:
  virtual void value(int64_t row, std::string& out) const = 0;

 private:
  ArrayPtr array_;
};

/// `Array` is ListArray, LargeListArray or FixedSizeListArray.
template <typename Array>
class ListCells final : public NestedCells {
 public:
  ListCells(const ArrayPtr& array, CellsPtr elements)
      : NestedCells(array), list_(static_cast<const Array&>(*array)), elements_(std::move(elements)) {}

 private:
  void value(int64_t row, std::string& out) const override {
    out += '[';
    const int64_t begin = list_.value_offset(row);
    const int64_t end = begin + list_.value_length(row);
    for (int64_t i = begin; i < end; i++) {
      if (i != begin) out += ',';
      elements_->json(i, out);
    }
    out += ']';
  }

  const Array& list_;
  CellsPtr elements_;
};

class StructCells final : public NestedCells {
 public:
  StructCells(const ArrayPtr& array, std::vector<CellsPtr> fields) : NestedCells(array), fields_(std::move(fields)) {
    for (const auto& field : array->type()->fields()) {
      named_ = named_ || !field->name().empty();
      append_json_string(field->name(), keys_.emplace_back());
    }
  }

 private:
  void value(int64_t row, std::string& out) const override {
    out += named_ ? '{' : '[';
    for (size_t i = 0; i < fields_.size(); i++) {
      if (i != 0) out += ',';
      if (named_) {
        out += keys_[i];
        out += ':';
      }
      fields_[i]->json(row, out);
    }
    out += named_ ? '}' : ']';
  }

  std::vector<CellsPtr> fields_;
  std::vector<std::string> keys_;  // as JSON
  bool named_ = false;
};

class MapCells final : public NestedCells {
 public:
  MapCells(const ArrayPtr& array, CellsPtr keys, CellsPtr values)
      : NestedCells(array),
        map_(static_cast<const arrow::MapArray&>(*array)),
        text_keys_(arrow::is_string(map_.map_type()->key_type()->id())),
        keys_(std::move(keys)),
        values_(std::move(values)) {}

 private:
  void value(int64_t row, std::string& out) const override {
    out += text_keys_ ? '{' : '[';
    const int64_t begin = map_.value_offset(row);
    const int64_t end = begin + map_.value_length(row);
    for (int64_t i = begin; i < end; i++) {
      if (i != begin) out += ',';
      if (!text_keys_) out += "{\"key\":";
      keys_->json(i, out);
      out += text_keys_ ? ":" : ",\"value\":";
      values_->json(i, out);
      if (!text_keys_) out += '}';
    }
    out += text_keys_ ? '}' : ']';
  }

  const arrow::MapArray& map_;
  bool text_keys_;
  CellsPtr keys_, values_;
};

class DictionaryCells final : public Cells {
 public:
  DictionaryCells(const ArrayPtr& array, CellsPtr values)
      : array_(std::static_pointer_cast<arrow::DictionaryArray>(array)), values_(std::move(values)) {}
  bool is_null(int64_t row) const override {
    return array_->IsNull(row) || values_->is_null(array_->GetValueIndex(row));
  }
  void json(int64_t row, std::string& out) const override {
    if (is_null(row)) {
      out += "null";
    } else {
      values_->json(array_->GetValueIndex(row), out);
    }
  }
  void text(int64_t row, std::string& out) const override { values_->text(array_->GetValueIndex(row), out); }

 private:
  std::shared_ptr<arrow::DictionaryArray> array_;
  CellsPtr values_;
};

std::string_view child_type(const std::vector<std::string>& types, size_t index) {
  return index < types.size() ? std::string_view(types[index]) : std::string_view();
}

template <typename Array>
Result<CellsPtr> list(const ArrayPtr& array, std::string_view sql_type, TextStyle style) {
  const auto types = child_types(sql_type);
  auto elements = WEIR_TRY(make_cells(static_cast<const Array&>(*array).values(), child_type(types, 0), style));
  return std::make_unique<ListCells<Array>>(array, std::move(elements));
}

Result<CellsPtr> map(const ArrayPtr& array, std::string_view sql_type, TextStyle style) {
  const auto& values = static_cast<const arrow::MapArray&>(*array);
  const auto types = child_types(sql_type);
  auto keys = WEIR_TRY(make_cells(values.keys(), child_type(types, 0), style));
  auto items = WEIR_TRY(make_cells(values.items(), child_type(types, 1), style));
  return std::make_unique<MapCells>(array, std::move(keys), std::move(items));
}

Result<CellsPtr> structure(const ArrayPtr& array, std::string_view sql_type, TextStyle style) {
  const auto& values = static_cast<const arrow::StructArray&>(*array);
  const auto types = child_types(sql_type);
  std::vector<CellsPtr> fields;
  fields.reserve(types.size());
  for (int i = 0; i < values.num_fields(); i++) {
    fields.push_back(WEIR_TRY(make_cells(values.field(i), child_type(types, fields.size()), style)));
  }
  return std::make_unique<StructCells>(array, std::move(fields));
}

Result<CellsPtr> dictionary(const ArrayPtr& array, TextStyle style) {
  auto values = WEIR_TRY(make_cells(static_cast<const arrow::DictionaryArray&>(*array).dictionary(), {}, style));
  return std::make_unique<DictionaryCells>(array, std::move(values));
}

}  // namespace

Result<CellsPtr> make_nested_cells(const ArrayPtr& array, std::string_view sql_type, TextStyle style) {
  switch (array->type_id()) {
    case arrow::Type::LIST:
      return list<arrow::ListArray>(array, sql_type, style);
    case arrow::Type::LARGE_LIST:
      return list<arrow::LargeListArray>(array, sql_type, style);
    case arrow::Type::FIXED_SIZE_LIST:
      return list<arrow::FixedSizeListArray>(array, sql_type, style);
    case arrow::Type::MAP:
      return map(array, sql_type, style);
    case arrow::Type::STRUCT:
      return structure(array, sql_type, style);
    case arrow::Type::DICTIONARY:
      return dictionary(array, style);
    default:
      break;
  }
  return fail(ErrorCode::not_available_yet, "no format writes values of the Arrow type " + array->type()->ToString(),
              "Cast the column to VARCHAR.");
}

}  // namespace weir::format
