/// Settings of a session that are on or off, as `SET name = on | off | true | false`.
#pragma once

#include <duckdb.hpp>
#include <duckdb/main/config.hpp>

namespace weir::engine {

/// Declares a setting that is on until somebody sets it; other values are errors.
void add_switch(duckdb::DBConfig& config, const char* name, const char* description);
bool is_switched_on(duckdb::ClientContext& client, const char* name);

}  // namespace weir::engine
