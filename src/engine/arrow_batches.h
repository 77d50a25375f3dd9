/// DuckDB's chunks as Arrow batches.
#pragma once

#include <memory>

#include <duckdb.hpp>
#include <duckdb/common/arrow/arrow_appender.hpp>

#include "base/result.h"
#include "batch/arrow_owners.h"

namespace weir::engine {

/// Gathers chunks into batches of at most eight chunks or about 16 MiB. Not thread-safe.
class ArrowBatches {
 public:
  ArrowBatches(duckdb::ClientContext& client, duckdb::vector<std::string> names,
               const duckdb::vector<duckdb::LogicalType>& types);

  /// The struct schema of the batches.
  Result<batch::OwnedSchema> schema();
  /// Takes the rows of `chunk`. Errors: value_out_of_range for a HUGEINT of 39 digits, query_failed.
  Status add(duckdb::DataChunk& chunk);
  /// Whether the gathered rows should go out before more are added.
  bool full() const;
  bool empty() const { return rows_ == 0; }
  /// The gathered rows; starts a new batch.
  Result<batch::OwnedArray> take();

 private:
  duckdb::ClientContext& client_;
  duckdb::vector<std::string> names_;
  duckdb::vector<duckdb::LogicalType> types_;  ///< after the casts
  bool casts_ = false;
  duckdb::DataChunk cast_chunk_;
  std::unique_ptr<duckdb::ArrowAppender> appender_;
  uint64_t rows_ = 0, bytes_ = 0;
};

}  // namespace weir::engine
