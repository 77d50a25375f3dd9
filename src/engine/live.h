/// `live(<connector>.<schema>.<table>)`: reads a connector's table where it stands.
#pragma once

#include <string_view>

#include <duckdb.hpp>
#include <duckdb/function/table_function.hpp>

namespace weir::engine {

/// In front of a table's name in a reference: read live, whatever copies there are. No source's name begins so.
inline constexpr std::string_view kLiveMark = "\x1f";

/// In mode federation the bare reference does the same.
duckdb::TableFunction live_function();
/// `raw(<connector>.<schema>.<table>)`: the live copy with the tombstones of deleted rows.
duckdb::TableFunction raw_function();

}  // namespace weir::engine
