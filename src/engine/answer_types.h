/// In which Arrow type each SQL type leaves the engine: the exact value always, the natural Arrow type where there is
/// one.
#pragma once

#include <duckdb.hpp>

namespace weir::engine {

/// The DuckDB type to which a column of `type` is cast before it becomes Arrow:
///  - HUGEINT, UHUGEINT → DECIMAL(38,0), which stays a number; a value of 39 digits is an error, never a wrong value;
///  - UUID, ENUM, BIT, BIGNUM, INTERVAL, TIME WITH TIME ZONE, UNION, VARIANT, GEOMETRY and everything else without an
///    Arrow type that keeps it → VARCHAR, their SQL text;
///  - lists, arrays, structs and maps of them likewise; all other types stay.
duckdb::LogicalType answer_type(const duckdb::LogicalType& type);

}  // namespace weir::engine
