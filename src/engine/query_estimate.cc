#include "engine/query_estimate.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "engine/pushdown_estimate.h"

namespace weir::engine {
namespace {

/// Values of one column among so many rows, when nobody has counted them.
constexpr double kDistinctShare = 0.1;

/// One SELECT from its tables up to its groups.
class SelectEstimate {
 public:
  SelectEstimate(const plan::Query& query, const TableOf& table_of) : query_(query), table_of_(table_of) {
    add(query.from);
    for (const auto& join : query.joins) add(join.right);
  }

  /// Behind the joins and the filters.
  double input_rows() const {
    double rows = rows_.front();
    size_t inputs = 1;
    for (const auto& join : query_.joins) rows = joined(join, rows, rows_[inputs++]);
    return std::max(1.0, rows * share_of_rows(query_.filters, distinct()));
  }

  double rows() const {
    double rows = input_rows();
    if (query_.grouping) rows = groups(rows);
    if (query_.distinct) rows = values_of(query_.outputs, rows);
    if (query_.limit) rows = std::min(rows, static_cast<double>(*query_.limit));
    return std::max(1.0, rows);
  }

  /// Of an output; what is computed has nobody counted.
  double distinct_of_output(size_t output) const {
    const auto* ref = std::get_if<plan::ColumnRef>(&query_.outputs.at(output)->node);
    if (ref != nullptr && query_.grouping) {
      const auto& keys = query_.grouping->keys;
      ref = ref->index < keys.size() ? std::get_if<plan::ColumnRef>(&keys[ref->index]->node) : nullptr;
    }
    return ref == nullptr ? 0 : distinct_of(ref->index);
  }

 private:
  double distinct_of(size_t column) const { return column < distinct_.size() ? distinct_[column] : 0; }
  DistinctValues distinct() const {
    return [this](size_t column) { return distinct_of(column); };
  }

  void add(const plan::Input& input) {
    auto known = estimate(input);
    known.distinct.resize(input.columns.size());
    for (const double distinct : known.distinct) distinct_.push_back(std::min(distinct, known.rows));
    rows_.push_back(known.rows);
  }
  QueryEstimate estimate(const plan::Input& input) const {
    if (const auto* query = std::get_if<plan::QueryPtr>(&input.from)) return engine::estimate(**query, table_of_);
    if (const auto* all = std::get_if<plan::UnionAll>(&input.from)) {
      QueryEstimate sum{.rows = 0, .distinct = {}};
      for (const auto& part : all->queries) sum.rows += engine::estimate(*part, table_of_).rows;
      return sum;
    }
    const auto* table = table_of_(std::get<plan::TableName>(input.from));
    if (table == nullptr) return {.rows = static_cast<double>(rows_of({})), .distinct = {}};
    QueryEstimate counted{.rows = static_cast<double>(rows_of(*table)), .distinct = {}};
    for (size_t i = 0; i < input.columns.size(); ++i) counted.distinct.push_back(distinct_values(*table, i));
    return counted;
  }

  /// Each equality leaves of all pairs those of one value of the side that has more values.
  double pairs(const plan::Join& join, double left, double right) const {
    double rows = left * right;
    for (const auto& condition : join.on) {
      const auto* compare = std::get_if<plan::Compare>(&condition->node);
      if (compare == nullptr || compare->op != plan::Comparison::equal) {
        rows *= share_of_rows({condition}, distinct());
        continue;
      }
      const double values = std::max(known_values(*compare->left), known_values(*compare->right));
      rows /= values > 0 ? values : std::max({left, right, 1.0});
    }
    return rows;
  }

  double joined(const plan::Join& join, double left, double right) const {
    const double rows = pairs(join, left, right);
    switch (join.kind) {
      case plan::JoinKind::inner:
        return rows;
      case plan::JoinKind::left:
        return std::max(rows, left);
      case plan::JoinKind::right:
        return std::max(rows, right);
      case plan::JoinKind::full:
        return std::max({rows, left, right});
      case plan::JoinKind::semi:
        return std::min(rows, left);
      case plan::JoinKind::anti:
      case plan::JoinKind::not_in:
        return std::max(1.0, left - std::min(rows, left));
    }
    return rows;
  }

  double known_values(const plan::Expression& value) const {
    const auto* column = std::get_if<plan::ColumnRef>(&value.node);
    return column == nullptr ? 0 : distinct_of(column->index);
  }

  /// How many combinations of the values there are among `rows`.
  double values_of(const std::vector<plan::ExpressionPtr>& values, double rows) const {
    double all = 1;
    for (const auto& value : values) {
      const double known = known_values(*value);
      all *= known > 0 ? known : std::max(1.0, rows * kDistinctShare);
    }
    return std::min(all, rows);
  }

  double groups(double rows) const {
    if (query_.grouping->keys.empty()) return 1;
    const double made = values_of(query_.grouping->keys, rows);
    return made * share_of_rows(query_.grouping->having, [](size_t) { return 0.0; });
  }

  const plan::Query& query_;
  const TableOf& table_of_;
  std::vector<double> rows_;      ///< of each input
  std::vector<double> distinct_;  ///< of each of their columns; 0: not known
};

}  // namespace

TableOf tables_among(const std::vector<std::shared_ptr<const BoundTable>>& tables) {
  return [&tables](const plan::TableName& name) -> const connector::TableInfo* {
    const auto found = std::ranges::find(tables, name, [](const auto& table) { return table->info->name; });
    return found == tables.end() ? nullptr : (*found)->info;
  };
}

QueryEstimate estimate(const plan::Query& query, const TableOf& table_of) {
  const SelectEstimate select(query, table_of);
  QueryEstimate known{.rows = select.rows(), .distinct = {}};
  for (size_t i = 0; i < query.outputs.size(); ++i) known.distinct.push_back(select.distinct_of_output(i));
  return known;
}

}  // namespace weir::engine
