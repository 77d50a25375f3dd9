/// What of a query `pushdown_summary` tells.
#pragma once

#include "plan/query.h"
#include "plan/scan_summary.h"

namespace weir::plan {

/// Adds the query's tables, filters, order, limit, aggregates and joins to `summary`. Constants are counted on from
/// `next_parameter`.
void summarize(const Query& query, ScanSummary& summary, int& next_parameter);

}  // namespace weir::plan
