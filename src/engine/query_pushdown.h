/// Whole sub-plans that one source can answer become scans of a query of that source.
#pragma once

#include <duckdb.hpp>
#include <duckdb/optimizer/optimizer_extension.hpp>

namespace weir::engine {

/// Before DuckDB's own passes. The largest sub-plans are tried first; why one stays here is noted in the remote
/// relations below it.
void push_queries(duckdb::OptimizerExtensionInput& input, duckdb::unique_ptr<duckdb::LogicalOperator>& plan);

}  // namespace weir::engine
