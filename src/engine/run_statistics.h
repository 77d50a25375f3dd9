/// What DuckDB counted while a statement ran: rows and bytes read from files, blocks skipped.
#pragma once

#include <cstdint>

#include <duckdb.hpp>

#include "engine/engine.h"

namespace weir::engine {

struct RunStatistics {
  uint64_t rows_scanned = 0;   ///< rows that scans gave, after the filters that they apply themselves
  uint64_t bytes_read = 0;     ///< from files; blocks in the file cache cost nothing and count nothing
  uint64_t extents_read = 0;   ///< lake files that were opened
  uint64_t blocks_total = 0;   ///< Parquet row groups of the files that were opened
  uint64_t blocks_pruned = 0;  ///< of those, the ones that statistics kept from being read

  /// Makes DuckDB count for this connection's next statements, or not: without timers, 5 % of a look-up's time.
  static void count(duckdb::ClientContext& client, bool whether);
  /// Of the statement that `client` has ended last; it was counted.
  static RunStatistics of_last(duckdb::ClientContext& client);
};

}  // namespace weir::engine
