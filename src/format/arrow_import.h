/// From the C Data Interface to Arrow C++, with our errors.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <arrow/type_fwd.h>

#include "base/result.h"
#include "batch/arrow_owners.h"
#include "format/writer.h"

namespace weir::format {

/// An Arrow status as an error: out_of_memory or internal.
Error arrow_error(const std::string& what, const arrow::Status& status);
/// Reads a schema without taking it. Errors: internal when it does not fit `columns`.
Result<std::shared_ptr<arrow::Schema>> import_schema(const ArrowSchema& borrowed, const std::vector<Column>& columns);
/// Takes a batch. Errors: internal when it does not fit the schema.
Result<std::shared_ptr<arrow::RecordBatch>> import_batch(batch::OwnedArray batch,
                                                         const std::shared_ptr<arrow::Schema>& schema);

}  // namespace weir::format
