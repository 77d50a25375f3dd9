/// DuckDB's bound expressions as predicates that a source can be asked, or the reason why not.
#pragma once

#include <expected>
#include <functional>
#include <optional>
#include <string>

#include <duckdb.hpp>
#include <duckdb/planner/expression.hpp>

#include "plan/capabilities.h"
#include "plan/expression.h"

namespace weir::engine {

/// Which column of the scanned table a column reference reads; nothing for anything else (a virtual column, another
/// table).
using ColumnOf = std::function<std::optional<size_t>(const duckdb::Expression& reference)>;

/// A whole predicate or value, or the named reason why it stays here. Casts that are proven exact are taken away;
/// what changes from call to call is refused. Whether the source may be asked for it, `plan/capabilities.h` decides.
/// Pure.
std::expected<plan::ExpressionPtr, plan::Refusal> translate(const duckdb::Expression& expression,
                                                            const ColumnOf& column_of);

/// Nothing for what is no comparison of two values.
std::optional<plan::Comparison> comparison_of(duckdb::ExpressionType type);

/// DuckDB's text of a predicate with its constants as $n, continuing at `next_parameter`.
std::string display_residual(const duckdb::Expression& predicate, int& next_parameter);

}  // namespace weir::engine
