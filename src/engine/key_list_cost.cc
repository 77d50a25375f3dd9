#include "engine/key_list_cost.h"

#include <algorithm>
#include <cmath>

namespace weir::engine {
namespace {

// In units of one row that is read, sent and decoded, about a microsecond: measured with PostgreSQL 15 on TPC-H, to
// the precision that matters.
constexpr double kKeySent = 3;
constexpr double kRowRead = 0.2;
/// A row that an index finds in a place of its own.
constexpr double kRowSought = 2;

}  // namespace

double rows_left_by(const KeyListCase& one) {
  const auto keys = static_cast<double>(one.keys);
  // Nobody has counted: each key has one row.
  if (one.column.distinct_values <= 0) return std::min(one.rows, keys);
  return one.rows * std::min(1.0, keys / one.column.distinct_values);
}

bool list_pays(const KeyListCase& one) {
  const double left = rows_left_by(one);
  double saved = one.rows - left;
  if (one.column.leads_an_index) {
    const double sought = left * kRowSought * (1 - std::abs(one.column.correlation));
    saved += std::max(0.0, (one.rows - left) * kRowRead - sought);
  }
  return saved > static_cast<double>(one.keys) * kKeySent;
}

}  // namespace weir::engine
