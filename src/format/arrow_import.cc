/// Imports through arrow/c/bridge.h.
#include "format/arrow_import.h"

#include <arrow/c/bridge.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

namespace weir::format {

Error arrow_error(const std::string& what, const arrow::Status& status) {
  const auto code = status.IsOutOfMemory() ? ErrorCode::out_of_memory : ErrorCode::internal;
  return Error{code, what + ": " + status.ToString(), {}, {}};
}

Result<std::shared_ptr<arrow::Schema>> import_schema(const ArrowSchema& borrowed, const std::vector<Column>& columns) {
  // The import releases what it is given, so it gets a copy whose release does nothing.
  ArrowSchema copy = borrowed;
  copy.release = [](ArrowSchema* schema) { schema->release = nullptr; };
  auto schema = arrow::ImportSchema(&copy);
  if (!schema.ok()) return fail(arrow_error("cannot read the schema of the answer", schema.status()));
  if (static_cast<size_t>((*schema)->num_fields()) != columns.size()) {
    return fail(ErrorCode::internal, "the answer has " + std::to_string(columns.size()) +
                                         " columns but its schema has " + std::to_string((*schema)->num_fields()));
  }
  return *schema;
}

Result<std::shared_ptr<arrow::RecordBatch>> import_batch(batch::OwnedArray batch,
                                                         const std::shared_ptr<arrow::Schema>& schema) {
  ArrowArray raw = batch.release();
  auto imported = arrow::ImportRecordBatch(&raw, schema);
  if (!imported.ok()) return fail(arrow_error("cannot read a batch of the answer", imported.status()));
  return *imported;
}

}  // namespace weir::format
