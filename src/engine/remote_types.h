/// The planner's types and DuckDB's, both ways.
#pragma once

#include <optional>

#include <duckdb.hpp>

#include "plan/expression.h"
#include "plan/type.h"

namespace weir::engine {

/// The SQL type in which a remote column appears here.
duckdb::LogicalType to_logical_type(const plan::Type& type);

/// The other way; nothing for a type that no remote column has.
std::optional<plan::Type> to_plan_type(const duckdb::LogicalType& type);

/// A constant as the planner holds it; nothing for a value whose type has no exact form there (e.g. nanoseconds,
/// structs, enums).
std::optional<plan::Constant> to_constant(const duckdb::Value& value);

}  // namespace weir::engine
