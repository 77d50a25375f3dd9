/// The names in the allow-list: which functions, settings and pragmas which role may use. Data, no logic.
#pragma once

#include <string_view>

namespace weir::engine {

/// What a table function can do, which decides who may call it.
enum class TableFunctionKind : uint8_t {
  harmless,  ///< computes, or reads what the caller's own names lead to
  metadata,  ///< lists names of all catalogs: not for a token that is confined to some
  files,     ///< reads files: admins, under --allow-dir
  inside,    ///< shows settings, secrets' names, logs, files of the lake: admins
  unknown,   ///< everything that is not in the list: nobody
};

TableFunctionKind kind_of_table_function(std::string_view name);
/// Scalar functions and macros of DuckDB that show the instance's inside, write to it or hold its threads.
bool is_unsafe_scalar_function(std::string_view name);
/// Settings that a session may change for itself.
bool is_session_setting(std::string_view name);
/// Pragmas that are nothing but a SELECT.
bool is_readable_pragma(std::string_view name);

}  // namespace weir::engine
