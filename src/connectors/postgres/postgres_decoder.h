/// Rows of PostgreSQL's binary wire format, decoded into columns. Knows nothing of connections.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "connector/source.h"
#include "plan/scan.h"

namespace weir::postgres {

/// When a batch is to be taken.
struct DecodeLimits {
  int64_t rows_max = 8 * 2048;
  size_t bytes_max = 4u << 20;  ///< wire bytes; a single row may exceed it
};

/// One value of a row as the server sent it. `length` -1 is NULL.
struct WireValue {
  const char* data;
  int length;
};

/// Collects rows into one batch at a time. One thread at a time; after an error only destruction is allowed.
///
/// The wire form of a column follows from its plan type and `cast_to_text` alone, as TYPES.md lists it: the statement
/// must have been rendered by postgres_dialect for the same columns.
/// Errors of all appends: source_query_failed (malformed data), value_out_of_range (names column and option).
class BatchDecoder {
 public:
  /// `table_for_errors` is "schema.table"; `projected` are the columns in the order of delivery.
  BatchDecoder(std::string table_for_errors, std::vector<plan::Column> projected, DecodeLimits limits = {});
  ~BatchDecoder();
  BatchDecoder(BatchDecoder&&) noexcept;
  BatchDecoder& operator=(BatchDecoder&&) noexcept;

  /// One PQgetCopyData message of `COPY … TO STDOUT (FORMAT binary)`. The file header in front of the first message
  /// and the trailer at the end are understood and add no rows; another COPY of the same columns may follow.
  Status append_copy_row(std::span<const char> message);
  /// One row of a PGresult in binary form, a value for each column.
  Status append_values(std::span<const WireValue> row);

  int64_t rows() const;  ///< rows since the last `take`
  size_t bytes() const;  ///< wire bytes of these rows
  bool full() const;     ///< a limit is reached: take the batch before the next append
  /// The rows so far as one batch (possibly of no rows); the decoder is empty then.
  Result<connector::Batch> take();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace weir::postgres
