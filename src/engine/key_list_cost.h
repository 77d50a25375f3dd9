/// Whether a join's keys are worth sending to a source as a list.
#pragma once

#include <cstddef>

#include "connector/source.h"

namespace weir::engine {

/// What the scan would send without the keys, and what the source has counted of their column.
struct KeyListCase {
  size_t keys = 0;
  double rows = 0;
  connector::ColumnStatistics column = {};
};

/// How many rows the source would still send, about.
double rows_left_by(const KeyListCase& one);
/// The rows that need not be sent, and with an index not be read, cost more than the list: to send, to plan, to look
/// up. Pure.
bool list_pays(const KeyListCase& one);

}  // namespace weir::engine
