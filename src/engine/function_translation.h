/// DuckDB's functions as those that a source can be asked.
#pragma once

#include <expected>
#include <functional>

#include <duckdb.hpp>
#include <duckdb/planner/expression.hpp>

#include "plan/capabilities.h"
#include "plan/expression.h"

namespace weir::engine {

/// How the parts of an expression are translated.
using TranslatePart = std::function<std::expected<plan::ExpressionPtr, plan::Refusal>(const duckdb::Expression& part)>;

/// A BOUND_FUNCTION, a coalesce (BOUND_OPERATOR) or a BOUND_CASE as a value; whether the source may compute it is not
/// asked here.
std::expected<plan::ExpressionPtr, plan::Refusal> translate_call(const duckdb::Expression& call,
                                                                 const TranslatePart& part);
std::expected<plan::ExpressionPtr, plan::Refusal> translate_case(const duckdb::Expression& choice,
                                                                 const TranslatePart& part);

}  // namespace weir::engine
