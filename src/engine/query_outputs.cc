#include "engine/query_outputs.h"

#include <algorithm>

#include <duckdb/planner/expression/bound_columnref_expression.hpp>

namespace weir::engine {

using duckdb::ColumnBinding;

std::optional<size_t> QueryOutputs::position(const ColumnBinding& binding) const {
  const auto found = std::ranges::find(bindings, binding);
  if (found == bindings.end()) return {};
  return static_cast<size_t>(found - bindings.begin());
}

const DividedHere* QueryOutputs::average(const ColumnBinding& binding) const {
  const auto found = std::ranges::find(averages, binding, &DividedHere::value);
  return found == averages.end() ? nullptr : &*found;
}

ColumnOf QueryOutputs::columns() const {
  return [this](const duckdb::Expression& reference) -> std::optional<size_t> {
    const auto* binding = binding_of(reference);
    if (binding == nullptr || average(*binding) != nullptr) return {};
    return position(*binding);
  };
}

void QueryOutputs::append(const QueryOutputs& others) {
  bindings.insert(bindings.end(), others.bindings.begin(), others.bindings.end());
  averages.insert(averages.end(), others.averages.begin(), others.averages.end());
}

const ColumnBinding* binding_of(const duckdb::Expression& expression) {
  if (expression.GetExpressionClass() != duckdb::ExpressionClass::BOUND_COLUMN_REF) return nullptr;
  return &expression.Cast<duckdb::BoundColumnRefExpression>().binding;
}

void Selection::add(plan::ExpressionPtr value, const ColumnBinding& binding) {
  values_.push_back(std::move(value));
  outputs_.bindings.push_back(binding);
}

bool Selection::pass(const QueryOutputs& below, const ColumnBinding& from, const ColumnBinding& to) {
  const auto index = below.position(from);
  if (!index) return false;
  add(plan::make(plan::ColumnRef{*index}), to);
  if (const auto* average = below.average(from)) {
    outputs_.averages.push_back({to, average->count, average->input});
    add(plan::make(plan::ColumnRef{below.position(average->count).value()}), average->count);
  }
  return true;
}

}  // namespace weir::engine
