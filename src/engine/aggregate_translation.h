/// DuckDB's aggregates as those that a source can be asked for.
#pragma once

#include <expected>

#include <duckdb.hpp>
#include <duckdb/planner/expression/bound_aggregate_expression.hpp>

#include "engine/pushdown.h"
#include "plan/query.h"

namespace weir::engine {

/// Or why it stays here. Pure.
std::expected<plan::Aggregate, plan::Refusal> translate_aggregate(const duckdb::BoundAggregateExpression& call,
                                                                  const ColumnOf& column_of);

}  // namespace weir::engine
