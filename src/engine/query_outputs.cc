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

bool QueryOutputs::has_key_in(const std::set<size_t>& positions) const {
  return key && std::ranges::all_of(*key, [&](const ColumnBinding& binding) {
           const auto found = position(binding);
           return found && positions.contains(*found);
         });
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
  passed_.emplace_back(from, to);
  if (const auto* average = below.average(from)) {
    outputs_.averages.push_back({to, average->count, average->input});
    add(plan::make(plan::ColumnRef{below.position(average->count).value()}), average->count);
  }
  return true;
}

QueryOutputs Selection::take_outputs(const QueryOutputs& below) && {
  if (!below.key) return std::move(outputs_);
  std::vector<ColumnBinding> key;
  for (const auto& binding : *below.key) {
    const auto found = std::ranges::find(passed_, binding, &decltype(passed_)::value_type::first);
    if (found == passed_.end()) return std::move(outputs_);
    key.push_back(found->second);
  }
  outputs_.key = std::move(key);
  return std::move(outputs_);
}

}  // namespace weir::engine
