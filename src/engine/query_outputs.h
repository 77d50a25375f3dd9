/// Where the values of a sub-plan are found in what a source is asked for.
#pragma once

#include <optional>
#include <set>
#include <utility>
#include <vector>

#include <duckdb.hpp>
#include <duckdb/planner/column_binding.hpp>
#include <duckdb/planner/expression.hpp>

#include "engine/pushdown.h"
#include "plan/expression.h"

namespace weir::engine {

/// An AVG: the source gives the sum under the binding of the value, and the count under one of its own.
struct DividedHere {
  duckdb::ColumnBinding value, count;
  duckdb::LogicalType input;  ///< of what is averaged
};

/// The binding of each of the query's columns, in their order.
struct QueryOutputs {
  std::vector<duckdb::ColumnBinding> bindings;
  std::vector<DividedHere> averages;  ///< whose values the source does not know
  /// No two rows have the same values here; empty: there is one row at most. Nothing when that is not known.
  std::optional<std::vector<duckdb::ColumnBinding>> key;

  /// Of `binding`.
  std::optional<size_t> position(const duckdb::ColumnBinding& binding) const;
  const DividedHere* average(const duckdb::ColumnBinding& binding) const;
  /// Column references by what they are bound to; nothing for averages. Borrows this.
  ColumnOf columns() const;
  /// Whether a row is known by the columns at `positions`.
  bool has_key_in(const std::set<size_t>& positions) const;
};

/// What a column reference is bound to; nothing for another expression.
const duckdb::ColumnBinding* binding_of(const duckdb::Expression& expression);

/// The columns that a projection gives.
class Selection {
 public:
  void add(plan::ExpressionPtr value, const duckdb::ColumnBinding& binding);
  /// The column `from` of `below` under the name `to`; the count of an average keeps its own. False: there is none.
  bool pass(const QueryOutputs& below, const duckdb::ColumnBinding& from, const duckdb::ColumnBinding& to);

  const std::vector<plan::ExpressionPtr>& values() const { return values_; }
  /// `below` as passed on.
  QueryOutputs take_outputs(const QueryOutputs& below) &&;

 private:
  std::vector<std::pair<duckdb::ColumnBinding, duckdb::ColumnBinding>> passed_;  ///< from, to
  std::vector<plan::ExpressionPtr> values_;
  QueryOutputs outputs_;
};

}  // namespace weir::engine
