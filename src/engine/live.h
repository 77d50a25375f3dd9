/// `live(<connector>.<schema>.<table>)`: reads a connector's table where it stands.
#pragma once

#include <duckdb.hpp>
#include <duckdb/function/table_function.hpp>

namespace weir::engine {

/// In mode federation, the only one of this version, it is the bare reference itself.
duckdb::TableFunction live_function();

}  // namespace weir::engine
