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

struct QueryEstimate {
  double rows = 1;               ///< at least 1
  std::vector<double> distinct;  ///< for each output, how many different values it has at most; 0: not known
};
/// Looks at each part of the query once. Pure.
QueryEstimate estimate(const plan::Query& query, const TableOf& table_of);

}  // namespace weir::engine
