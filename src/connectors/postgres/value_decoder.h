/// One decode function per kind of value, chosen once per column.
#pragma once

#include <memory>

#include "batch/column_builder.h"
#include "connectors/postgres/decode_outcome.h"
#include "plan/scan.h"

namespace weir::postgres {

/// How the values of a column, or the elements of a list, are decoded. Has no state of its own.
struct ValueDecoder {
  /// Appends the value in [data, data + length) to `column`. After a fault the column is of no more use.
  using Decode = Outcome (*)(const ValueDecoder& self, batch::ColumnBuilder& column, const char* data, int32_t length);

  Decode decode;
  uint8_t precision = 0;                  ///< of decimals
  uint8_t scale = 0;                      ///< of decimals
  std::unique_ptr<ValueDecoder> element;  ///< of lists

  Outcome operator()(batch::ColumnBuilder& column, const char* data, int32_t length) const {
    return decode(*this, column, data, length);
  }
};

/// `as_text`: the server casts the values to text (plan::Column::cast_to_text); `is_sum`: plan::Column::is_sum.
ValueDecoder make_value_decoder(const plan::Type& type, bool as_text, bool is_sum = false);
/// A builder of the Arrow form that plan::Kind names.
batch::ColumnBuilder make_column_builder(const plan::Type& type);

}  // namespace weir::postgres
