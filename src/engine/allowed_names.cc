/// The tables behind the allow-list. A function that DuckDB adds in a later version is in none of them, so it is
/// refused until somebody has looked at it.
#include "engine/allowed_names.h"

#include <algorithm>
#include <array>

namespace weir::engine {
namespace {

using enum TableFunctionKind;

struct NamedKind {
  std::string_view name;
  TableFunctionKind kind;
};

constexpr std::array kTableFunctions = {
    NamedKind{"range", harmless},
    NamedKind{"generate_series", harmless},
    NamedKind{"unnest", harmless},
    NamedKind{"repeat", harmless},
    NamedKind{"repeat_row", harmless},
    NamedKind{"summary", harmless},
    NamedKind{"json_each", harmless},
    NamedKind{"json_tree", harmless},
    NamedKind{"test_all_types", harmless},
    NamedKind{"live", harmless},
    NamedKind{"raw", harmless},
    NamedKind{"icu_calendar_names", harmless},
    NamedKind{"pg_timezone_names", harmless},
    NamedKind{"duckdb_functions", harmless},
    NamedKind{"duckdb_keywords", harmless},
    NamedKind{"pragma_version", harmless},
    NamedKind{"pragma_collations", harmless},
    NamedKind{"ducklake_current_snapshot", harmless},
    NamedKind{"kyma_connector_health_rows", harmless},
    NamedKind{"weir_connector_rows", harmless},
    NamedKind{"weir_query_rows", harmless},

    NamedKind{"duckdb_databases", metadata},
    NamedKind{"duckdb_tables", metadata},
    NamedKind{"duckdb_columns", metadata},
    NamedKind{"duckdb_views", metadata},
    NamedKind{"duckdb_schemas", metadata},
    NamedKind{"duckdb_constraints", metadata},
    NamedKind{"duckdb_indexes", metadata},
    NamedKind{"duckdb_sequences", metadata},
    NamedKind{"duckdb_types", metadata},
    NamedKind{"duckdb_dependencies", metadata},
    NamedKind{"pragma_table_info", metadata},
    NamedKind{"pragma_show", metadata},
    NamedKind{"ducklake_snapshots", metadata},

    NamedKind{"read_csv", files},
    NamedKind{"read_csv_auto", files},
    NamedKind{"read_json", files},
    NamedKind{"read_json_auto", files},
    NamedKind{"read_json_objects", files},
    NamedKind{"read_json_objects_auto", files},
    NamedKind{"read_ndjson", files},
    NamedKind{"read_ndjson_auto", files},
    NamedKind{"read_ndjson_objects", files},
    NamedKind{"read_parquet", files},
    NamedKind{"parquet_scan", files},
    NamedKind{"parquet_metadata", files},
    NamedKind{"parquet_schema", files},
    NamedKind{"parquet_file_metadata", files},
    NamedKind{"parquet_full_metadata", files},
    NamedKind{"parquet_kv_metadata", files},
    NamedKind{"parquet_bloom_probe", files},
    NamedKind{"read_text", files},
    NamedKind{"read_blob", files},
    NamedKind{"glob", files},
    NamedKind{"sniff_csv", files},

    NamedKind{"duckdb_settings", inside},
    NamedKind{"duckdb_secrets", inside},
    NamedKind{"duckdb_secret_types", inside},
    NamedKind{"duckdb_logs", inside},
    NamedKind{"duckdb_log_contexts", inside},
    NamedKind{"duckdb_memory", inside},
    NamedKind{"duckdb_temporary_files", inside},
    NamedKind{"duckdb_extensions", inside},
    NamedKind{"duckdb_optimizers", inside},
    NamedKind{"duckdb_variables", inside},
    NamedKind{"duckdb_external_file_cache", inside},
    NamedKind{"duckdb_connection_count", inside},
    NamedKind{"pragma_database_size", inside},
    NamedKind{"pragma_platform", inside},
    NamedKind{"pragma_user_agent", inside},
    NamedKind{"ducklake_table_info", inside},
    NamedKind{"ducklake_list_files", inside},
    NamedKind{"ducklake_settings", inside},
    NamedKind{"ducklake_options", inside},
    NamedKind{"ducklake_table_insertions", inside},
    NamedKind{"ducklake_table_deletions", inside},
};

constexpr std::array<std::string_view, 6> kUnsafeScalars = {
    "getenv", "current_setting", "write_log", "sleep_ms", "pg_sleep", "json_serialize_plan",
};

constexpr std::array<std::string_view, 3> kReadablePragmas = {"table_info", "show_tables", "version"};

/// `USE` is SET schema in DuckDB's parser.
constexpr std::array<std::string_view, 3> kSessionSettings = {"schema", "search_path", "timezone"};

template <size_t Count>
bool contains(const std::array<std::string_view, Count>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

TableFunctionKind kind_of_table_function(std::string_view name) {
  for (const auto& [known, kind] : kTableFunctions) {
    if (known == name) return kind;
  }
  return unknown;
}

bool is_unsafe_scalar_function(std::string_view name) { return contains(kUnsafeScalars, name); }

bool is_session_setting(std::string_view name) { return name.starts_with("weir_") || contains(kSessionSettings, name); }

bool is_readable_pragma(std::string_view name) { return contains(kReadablePragmas, name); }

}  // namespace weir::engine
