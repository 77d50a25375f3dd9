/// How many rows a whole query of a source is expected to give: steers costs, never results.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

#include "connector/source.h"
#include "engine/remote_connector.h"
#include "plan/query.h"

namespace weir::engine {

/// What is known of the tables of a query; nullptr: nothing.
using TableOf = std::function<const connector::TableInfo*(const plan::TableName& table)>;

/// Looks among `tables`, which it borrows.
TableOf tables_among(const std::vector<std::shared_ptr<const BoundTable>>& tables);

/// At least 1. Pure.
double estimate_rows(const plan::Query& query, const TableOf& table_of);
/// How many different values an output of `query` has at most; 0: not known. Pure.
double distinct_values(const plan::Query& query, size_t output, const TableOf& table_of);

}  // namespace weir::engine
