/// The lake inside the SQL engine: attached as catalog `weir`, made of a DuckLake catalog file and Parquet extents.
#pragma once

#include <filesystem>
#include <string>

#include "base/result.h"
#include "lake/data_directory.h"
#include "lake/sql_session.h"

namespace weir::lake {

/// The catalog name of the lake in SQL.
inline constexpr std::string_view kCatalog = "weir";

/// Loads the extension from `extension_file` (signature-checked by DuckDB) and attaches the lake of `directory` as
/// `weir`, making it the default catalog of new sessions' `USE`. Inlining is off: mixing inlined and file rows of one
/// table can bring deleted rows back (duckdb/ducklake#1084).
/// Errors: data_dir_damaged, data_dir_version, disk_full, io_error.
Status attach(SqlSession& session, const DataDirectory& directory, const std::filesystem::path& extension_file);

}  // namespace weir::lake
