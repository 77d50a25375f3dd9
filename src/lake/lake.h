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
/// The database in which the extension keeps the catalog's tables.
inline constexpr std::string_view kMetadataCatalog = "__ducklake_metadata_weir";

/// Loads the extension from `extension_file` (signature-checked by DuckDB) and attaches the lake of `directory` as
/// `weir`, and the hot database (lake/hot.h), once per DuckDB instance; `session` then has it as its default catalog.
/// Inlining is off: mixing inlined and file rows of one table can bring deleted rows back (duckdb/ducklake#1084).
/// DuckDB's own checkpoints are off too: one that meets a full disk makes the catalog unusable, so the committer runs
/// them (docs/decisions/0003). Errors: data_dir_damaged, data_dir_version, data_dir_locked, disk_full, io_error.
Status attach(SqlSession& session, const DataDirectory& directory, const std::filesystem::path& extension_file);

}  // namespace weir::lake
