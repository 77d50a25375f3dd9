/// Groups that a join cannot meet need not be made.
#pragma once

#include <cstddef>
#include <optional>

#include "plan/capabilities.h"
#include "plan/query.h"

namespace weir::plan {

/// A query of one column with all values that column `column` of the inputs can have in the rows of `query`: those of
/// one table of which a constant, a list or a pattern leaves few rows. Nothing when no such table takes part. Pure.
std::optional<QueryPtr> keys_met(const Query& query, size_t column);

/// `join` is to come behind `left`, and its `on` is complete. When its right side is grouped by what `on` equates with
/// few keys of the left one, its rows are asked for these keys before they are grouped. A source does not see that by
/// itself, because it has to read the table with the keys twice.
void drop_unmet_groups(const Query& left, Join& join, const Capabilities& capabilities);

}  // namespace weir::plan
