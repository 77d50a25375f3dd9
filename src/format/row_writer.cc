/// The loop over batches and rows.
#include "format/row_writer.h"

#include <arrow/array/util.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <nlohmann/json.hpp>

#include "format/arrow_import.h"

namespace weir::format {

Status RowWriter::begin(const std::vector<Column>& columns, const ArrowSchema& schema, std::string& out) {
  columns_ = columns;
  schema_ = WEIR_TRY(import_schema(schema, columns));
  std::vector<std::shared_ptr<arrow::Array>> empty;
  for (const auto& field : schema_->fields()) {
    auto array = arrow::MakeEmptyArray(field->type());
    if (!array.ok()) return fail(arrow_error("cannot write column " + field->name(), array.status()));
    empty.push_back(*array);
  }
  WEIR_TRY(resolve(empty));
  head(columns, *schema_, out);
  return {};
}

Status RowWriter::batch(batch::OwnedArray batch, std::string& out) {
  const auto imported = WEIR_TRY(import_batch(std::move(batch), schema_));
  const Row cells = WEIR_TRY(resolve(imported->columns()));
  for (int64_t i = 0; i < imported->num_rows(); i++) {
    row(cells, i, out);
    rows_++;
  }
  return {};
}

Status RowWriter::end(const nlohmann::json& trailer, std::string& out) {
  tail(trailer, out);
  return {};
}

Result<Row> RowWriter::resolve(const std::vector<std::shared_ptr<arrow::Array>>& arrays) const {
  Row cells;
  for (size_t i = 0; i < arrays.size(); i++) {
    cells.push_back(WEIR_TRY(make_cells(arrays[i], columns_[i].type, style_)));
  }
  return cells;
}

}  // namespace weir::format
