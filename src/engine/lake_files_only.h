/// A last door for those who may read no files: their connection's own file system knows the lake's files only.
///
/// The allow-list refuses functions that read files where a query names them. DuckDB also binds views by itself, to
/// list their columns (duckdb_columns(), PRAGMA table_info, GET /v1/catalog/schema), without asking it; a view over
/// files would be opened then.
#pragma once

#include <filesystem>

#include <duckdb.hpp>

namespace weir::engine {

/// From here on `client` opens, lists and finds no file that is not under `extents`: whether one exists shows nowhere.
/// What it refuses is statement_not_allowed.
void keep_to_lake_files(duckdb::ClientContext& client, const std::filesystem::path& extents);

}  // namespace weir::engine
