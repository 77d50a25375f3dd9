/// The values of one column of one batch as text. Resolved once per batch, so that a row costs one call per value.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <arrow/type_fwd.h>

#include "base/result.h"

namespace weir::format {

/// What differs between text for machines (CSV) and for people (a table).
enum class TextStyle : uint8_t {
  machine,  ///< 2024-02-29T12:00:00, base64
  person,   ///< 2024-02-29 12:00:00, \xdeadbeef
};

/// One column of one batch. Owns the data that it reads.
class Cells {
 public:
  virtual ~Cells() = default;
  virtual bool is_null(int64_t row) const = 0;
  /// The value as JSON; "null" for NULL.
  virtual void json(int64_t row, std::string& out) const = 0;
  /// The value as plain text, not escaped in any way; nested values as JSON. Not called for NULL.
  virtual void text(int64_t row, std::string& out) const = 0;
};

/// `sql_type` tells apart what Arrow does not (JSON, HUGEINT); empty: go by the Arrow type.
/// Errors: not_available_yet for an Arrow type that no format can write.
Result<std::unique_ptr<Cells>> make_cells(const std::shared_ptr<arrow::Array>& array, std::string_view sql_type,
                                          TextStyle style);

/// Whether people expect values of this type aligned to the right.
bool is_numeric(const arrow::DataType& type);

}  // namespace weir::format
