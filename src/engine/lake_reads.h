/// Which tables of the lake a statement reads, and at which snapshot.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <duckdb.hpp>

namespace weir::engine {

struct LakeRead {
  std::string table;                  ///< "weir.main.otel_logs"
  std::optional<int64_t> at_version;  ///< AT (VERSION => n)
  bool at_other_time = false;         ///< AT (TIMESTAMP => …): not the current snapshot
  uint64_t extents = 0;               ///< files of the table before any was left out
};

/// Whether DuckDB itself scans something in `plan`: the lake, a file, a table function.
bool reads_here(duckdb::LogicalOperator& plan);

/// The lake tables that `plan` scans, each once, with the AT clauses of `statement`.
std::vector<LakeRead> lake_reads(duckdb::LogicalOperator& plan, const duckdb::SQLStatement& statement);

}  // namespace weir::engine
