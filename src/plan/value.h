/// Facts of the values that expressions give, from the facts of their columns.
#pragma once

#include <span>
#include <string>

#include "plan/expression.h"
#include "plan/scan.h"

namespace weir::plan {

/// A value as a column of a query; its name is its display form, constants as `$1`.
Column value_column(const Expression& value, std::span<const Column> columns);
/// The type alone, without a copy of the rest.
Type value_type(const Expression& value, std::span<const Column> columns);

/// Whether a decimal of the arguments' digits may be too large for the call's type.
bool may_overflow(const Call& call, std::span<const Column> columns);
/// Whether some arguments end in an error: a number that does not fit, a moment before the calendar's begin.
bool may_fail(const Call& call, std::span<const Column> columns);

}  // namespace weir::plan
