/// How many rows a filtered remote table is expected to give: steers costs, never results.
#pragma once

#include <cstdint>
#include <vector>

#include "connector/source.h"
#include "plan/expression.h"

namespace weir::engine {

/// Rows of `table` that pass `filters`; at least 1. A table of unknown size counts as a small one.
uint64_t estimate_rows(const connector::TableInfo& table, const std::vector<plan::ExpressionPtr>& filters);

}  // namespace weir::engine
