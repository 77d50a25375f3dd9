#include "engine/pushdown_estimate.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

namespace weir::engine {
namespace {

/// Taken for a table that its source has never counted.
constexpr uint64_t kRowsUnknown = 10'000;

// Shares of rows that pass, in the spirit of PostgreSQL's defaults for columns without statistics.
constexpr double kEqualShare = 0.005;
constexpr double kNotEqualShare = 0.995;
constexpr double kRangeShare = 1.0 / 3;
constexpr double kNullShare = 0.01;
constexpr double kPatternShare = 0.05;

double share(const plan::Expression& predicate);

double share_of(const plan::Compare& compare) {
  switch (compare.op) {
    case plan::Comparison::equal:
    case plan::Comparison::not_distinct:
      return kEqualShare;
    case plan::Comparison::not_equal:
    case plan::Comparison::distinct:
      return kNotEqualShare;
    default:
      return kRangeShare;
  }
}
double share_of(const plan::In& in) {
  const double some = std::min(1.0, kEqualShare * static_cast<double>(in.values.size()));
  return in.negated ? 1 - some : some;
}
double share_of(const plan::IsNull& test) { return test.negated ? 1 - kNullShare : kNullShare; }
double share_of(const plan::Like& like) { return like.negated ? 1 - kPatternShare : kPatternShare; }
double share_of(const plan::Not& node) { return 1 - share(*node.child); }
double share_of(const plan::And& node) {
  double all = 1;
  for (const auto& child : node.children) all *= share(*child);
  return all;
}
double share_of(const plan::Or& node) {
  double any = 0;
  for (const auto& child : node.children) any += share(*child);
  return std::min(1.0, any);
}
double share_of(const plan::ColumnRef&) { return 0.5; }
double share_of(const plan::Constant&) { return 1; }
double share_of(const plan::Call&) { return 0.5; }
double share_of(const plan::Case&) { return 0.5; }

double share(const plan::Expression& predicate) {
  return std::visit([](const auto& node) { return share_of(node); }, predicate.node);
}

/// How many values of which column an equality or an IN list lets through.
std::optional<std::pair<size_t, uint64_t>> values_of(const plan::Expression& predicate) {
  if (const auto* in = std::get_if<plan::In>(&predicate.node)) {
    const auto* column = std::get_if<plan::ColumnRef>(&in->input->node);
    if (column != nullptr && !in->negated) return std::pair(column->index, uint64_t{in->values.size()});
  }
  const auto* compare = std::get_if<plan::Compare>(&predicate.node);
  if (compare == nullptr || compare->op != plan::Comparison::equal) return {};
  for (const auto& [side, other] : {std::pair(&compare->left, &compare->right), {&compare->right, &compare->left}}) {
    const auto* column = std::get_if<plan::ColumnRef>(&(*side)->node);
    if (column != nullptr && std::holds_alternative<plan::Constant>((*other)->node))
      return std::pair(column->index, uint64_t{1});
  }
  return {};
}

/// Rows when every key column is pinned to some values; nothing otherwise.
std::optional<uint64_t> rows_by_key(const connector::TableInfo& table,
                                    const std::vector<plan::ExpressionPtr>& filters) {
  if (table.primary_key.empty()) return {};
  std::map<std::string, uint64_t> pinned;
  for (const auto& filter : filters) {
    if (const auto values = values_of(*filter)) pinned[table.columns[values->first].name] = values->second;
  }
  uint64_t rows = 1;
  for (const auto& column : table.primary_key) {
    const auto found = pinned.find(column);
    if (found == pinned.end()) return {};
    rows *= found->second;
  }
  return rows;
}

}  // namespace

uint64_t estimate_rows(const connector::TableInfo& table, const std::vector<plan::ExpressionPtr>& filters) {
  const uint64_t all = table.estimated_rows == 0 ? kRowsUnknown : table.estimated_rows;
  if (const auto rows = rows_by_key(table, filters)) return std::clamp<uint64_t>(*rows, 1, all);
  double rows = static_cast<double>(all);
  for (const auto& filter : filters) rows *= share(*filter);
  return std::max<uint64_t>(1, static_cast<uint64_t>(std::llround(rows)));
}

}  // namespace weir::engine
