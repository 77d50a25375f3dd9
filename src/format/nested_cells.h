/// Cells of lists, structs, maps and dictionaries.
#pragma once

#include "format/cells.h"

namespace weir::format {

/// As `make_cells`, for types that hold other types.
/// Lists are JSON arrays, structs objects (arrays when their fields have no names), maps objects when their keys are
/// text and else arrays of {"key","value"}; a dictionary is the values that it points to.
Result<std::unique_ptr<Cells>> make_nested_cells(const std::shared_ptr<arrow::Array>& array, std::string_view sql_type,
                                                 TextStyle style);

}  // namespace weir::format
