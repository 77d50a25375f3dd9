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
constexpr double kRangeShare = 1.0 / 3;
constexpr double kNullShare = 0.01;
constexpr double kPatternShare = 0.05;
constexpr double kUnknownShare = 0.5;

/// Shares of the rows for which predicates hold.
class Share {
 public:
  explicit Share(const DistinctValues& distinct) : distinct_(distinct) {}

  double operator()(const plan::Expression& predicate) const {
    return std::visit([this](const auto& node) { return of(node); }, predicate.node);
  }

 private:
  /// Of one value of `input`.
  double of_one(const plan::Expression& input) const {
    const auto* column = std::get_if<plan::ColumnRef>(&input.node);
    const double values = column == nullptr ? 0 : distinct_(column->index);
    return values > 0 ? std::min(1.0, 1 / values) : kEqualShare;
  }
  double of(const plan::Compare& compare) const {
    const bool of_constant = std::holds_alternative<plan::Constant>(compare.left->node);
    const double one = of_one(of_constant ? *compare.right : *compare.left);
    switch (compare.op) {
      case plan::Comparison::equal:
      case plan::Comparison::not_distinct:
        return one;
      case plan::Comparison::not_equal:
      case plan::Comparison::distinct:
        return 1 - one;
      default:
        return kRangeShare;
    }
  }
  double of(const plan::In& in) const {
    const double some = std::min(1.0, of_one(*in.input) * static_cast<double>(in.values.size()));
    return in.negated ? 1 - some : some;
  }
  double of(const plan::IsNull& test) const { return test.negated ? 1 - kNullShare : kNullShare; }
  double of(const plan::Like& like) const { return like.negated ? 1 - kPatternShare : kPatternShare; }
  double of(const plan::Not& node) const { return 1 - (*this)(*node.child); }
  double of(const plan::And& node) const {
    double all = 1;
    for (const auto& child : node.children) all *= (*this)(*child);
    return all;
  }
  double of(const plan::Or& node) const {
    double any = 0;
    for (const auto& child : node.children) any += (*this)(*child);
    return std::min(1.0, any);
  }
  double of(const plan::ColumnRef&) const { return kUnknownShare; }
  double of(const plan::Constant&) const { return 1; }
  double of(const plan::Call&) const { return kUnknownShare; }
  double of(const plan::Case&) const { return kUnknownShare; }

  const DistinctValues& distinct_;
};

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

double distinct_values(const connector::TableInfo& table, size_t column) {
  const bool is_key = table.primary_key.size() == 1 && table.primary_key[0] == table.columns.at(column).name;
  if (is_key) return static_cast<double>(rows_of(table));
  return column < table.statistics.size() ? table.statistics[column].distinct_values : 0;
}

double share_of_rows(const std::vector<plan::ExpressionPtr>& filters, const DistinctValues& distinct) {
  double all = 1;
  for (const auto& filter : filters) all *= Share(distinct)(*filter);
  return all;
}

uint64_t rows_of(const connector::TableInfo& table) {
  return table.estimated_rows == 0 ? kRowsUnknown : table.estimated_rows;
}

uint64_t estimate_rows(const connector::TableInfo& table, const std::vector<plan::ExpressionPtr>& filters) {
  const uint64_t all = rows_of(table);
  if (const auto rows = rows_by_key(table, filters)) return std::clamp<uint64_t>(*rows, 1, all);
  double rows = static_cast<double>(all);
  rows *= share_of_rows(filters, [&](size_t column) { return distinct_values(table, column); });
  return std::max<uint64_t>(1, static_cast<uint64_t>(std::llround(rows)));
}

}  // namespace weir::engine
