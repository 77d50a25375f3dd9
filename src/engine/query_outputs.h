/// Where the values of a sub-plan are found in what a source is asked for.
#pragma once

#include <optional>
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

  /// Of `binding`.
  std::optional<size_t> position(const duckdb::ColumnBinding& binding) const;
  const DividedHere* average(const duckdb::ColumnBinding& binding) const;
  /// Column references by what they are bound to; nothing for averages. Borrows this.
  ColumnOf columns() const;
  void append(const QueryOutputs& others);
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
  QueryOutputs take_outputs() { return std::move(outputs_); }

 private:
  std::vector<plan::ExpressionPtr> values_;
  QueryOutputs outputs_;
};

}  // namespace weir::engine
