/// DuckDB's aggregates as those that a source can be asked for.
#pragma once

#include <expected>
#include <optional>

#include <duckdb.hpp>
#include <duckdb/planner/expression/bound_aggregate_expression.hpp>

#include "engine/pushdown.h"
#include "plan/query.h"

namespace weir::engine {

/// What a source is asked for one aggregate: its value, or what it follows from.
struct TranslatedAggregate {
  plan::Aggregate value;                 ///< of AVG the sum
  std::optional<plan::Aggregate> count;  ///< of AVG only, which is divided here
};

/// Or why it stays here. Pure.
std::expected<TranslatedAggregate, plan::Refusal> translate_aggregate(const duckdb::BoundAggregateExpression& call,
                                                                      const ColumnOf& column_of);

}  // namespace weir::engine
