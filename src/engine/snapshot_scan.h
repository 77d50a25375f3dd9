/// `weir_snapshot(connector, schema, table, snapshot)`: a table of a source as of a SnapshotPoint, read as any remote
/// table is. For internal sessions: the allow-list knows it not.
#pragma once

#include <duckdb.hpp>
#include <duckdb/function/table_function.hpp>

namespace weir::engine {

duckdb::TableFunction snapshot_function();

}  // namespace weir::engine
