/// The lake's own file system inside DuckDB: an extent is durable before the statement that wrote it can commit.
#pragma once

#include <filesystem>

#include <duckdb.hpp>

namespace weir::engine {

/// The files below `extents`, the catalog and the hot database beside it, for `FileSystem::RegisterSubSystem` before
/// the lake is attached. DuckDB closes Parquet files without syncing them (duckdb/duckdb#12371); here closing a written
/// extent syncs it and its directory, and one that is given up before it was closed is removed. A failure is an
/// IOException of the statement that writes.
duckdb::unique_ptr<duckdb::FileSystem> durable_extents(const std::filesystem::path& extents);

}  // namespace weir::engine
