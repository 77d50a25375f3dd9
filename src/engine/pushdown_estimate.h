/// How many rows a filtered remote table is expected to give: steers costs, never results.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "connector/source.h"
#include "plan/expression.h"

namespace weir::engine {

/// How many different values a column has; 0: not known.
using DistinctValues = std::function<double(size_t column)>;

/// All rows of `table`. One of unknown size counts as a small one.
uint64_t rows_of(const connector::TableInfo& table);
/// Rows of `table` that pass `filters`; at least 1.
uint64_t estimate_rows(const connector::TableInfo& table, const std::vector<plan::ExpressionPtr>& filters);
/// The share of rows that pass all of `filters`, 0 to 1.
double share_of_rows(const std::vector<plan::ExpressionPtr>& filters, const DistinctValues& distinct);
/// As the source has counted them; 0: not known.
double distinct_values(const connector::TableInfo& table, size_t column);

}  // namespace weir::engine
