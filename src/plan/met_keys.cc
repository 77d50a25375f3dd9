#include "plan/met_keys.h"

#include <algorithm>
#include <iterator>
#include <memory>
#include <set>
#include <utility>

namespace weir::plan {
namespace {

/// Leaves few rows, as far as its form says.
bool chooses_few(const ExpressionPtr& filter) {
  if (const auto* compare = std::get_if<Compare>(&filter->node)) {
    return compare->op == Comparison::equal && (std::holds_alternative<Constant>(compare->left->node) ||
                                                std::holds_alternative<Constant>(compare->right->node));
  }
  if (const auto* in = std::get_if<In>(&filter->node)) return !in->negated;
  if (const auto* like = std::get_if<Like>(&filter->node)) return !like->negated;
  const auto* all = std::get_if<And>(&filter->node);
  return all != nullptr && std::ranges::any_of(all->children, chooses_few);
}

/// Whether all columns that it names come before `end`.
bool reads_only(const Expression& expression, size_t end);
bool read_only(const std::vector<ExpressionPtr>& parts, size_t end) {
  return std::ranges::all_of(parts, [&](const ExpressionPtr& part) { return reads_only(*part, end); });
}

struct ReadsOnly {
  size_t end;

  bool operator()(const ColumnRef& ref) const { return ref.index < end; }
  bool operator()(const Constant&) const { return true; }
  bool operator()(const Compare& node) const { return reads_only(*node.left, end) && reads_only(*node.right, end); }
  bool operator()(const In& node) const { return reads_only(*node.input, end); }
  bool operator()(const IsNull& node) const { return reads_only(*node.input, end); }
  bool operator()(const Like& node) const { return reads_only(*node.input, end); }
  bool operator()(const And& node) const { return read_only(node.children, end); }
  bool operator()(const Or& node) const { return read_only(node.children, end); }
  bool operator()(const Not& node) const { return reads_only(*node.child, end); }
  bool operator()(const Call& node) const { return read_only(node.arguments, end); }
  bool operator()(const Case& node) const {
    return read_only(node.conditions, end) && read_only(node.values, end) && reads_only(*node.otherwise, end);
  }
};

bool reads_only(const Expression& expression, size_t end) { return std::visit(ReadsOnly{end}, expression.node); }

std::optional<std::pair<size_t, size_t>> equated(const ExpressionPtr& condition) {
  const auto* compare = std::get_if<Compare>(&condition->node);
  if (compare == nullptr || compare->op != Comparison::equal) return {};
  const auto* left = std::get_if<ColumnRef>(&compare->left->node);
  const auto* right = std::get_if<ColumnRef>(&compare->right->node);
  if (left == nullptr || right == nullptr) return {};
  return std::pair(left->index, right->index);
}

/// Columns that have the value of `column` in every row.
std::set<size_t> equals_of(const Query& query, size_t column) {
  std::vector<ExpressionPtr> conditions = query.filters;
  for (const auto& join : query.joins) conditions.insert(conditions.end(), join.on.begin(), join.on.end());
  std::set<size_t> equals = {column};
  for (size_t before = 0; before != equals.size();) {
    before = equals.size();
    for (const auto& condition : conditions) {
      const auto pair = equated(condition);
      if (!pair) continue;
      if (equals.contains(pair->first)) equals.insert(pair->second);
      if (equals.contains(pair->second)) equals.insert(pair->first);
    }
  }
  return equals;
}

/// One table, of which filters leave few rows.
bool is_chosen_table(const Query& query) {
  return std::holds_alternative<TableName>(query.from.from) && query.joins.empty() && !query.grouping && !query.limit &&
         query.offset == 0 && std::ranges::any_of(query.filters, chooses_few);
}

QueryPtr only_output(Query query, size_t output) {
  query.outputs = {query.outputs.at(output)};
  query.columns = {query.columns.at(output)};
  query.order.clear();
  return std::make_shared<const Query>(std::move(query));
}

/// The first table with the filters that ask it alone.
Query first_table(const Query& query, size_t column) {
  Query table;
  table.from = query.from;
  const auto end = query.from.columns.size();
  std::ranges::copy_if(query.filters, std::back_inserter(table.filters),
                       [&](const ExpressionPtr& filter) { return reads_only(*filter, end); });
  table.outputs = {make(ColumnRef{column})};
  table.columns = {query.from.columns.at(column)};
  return table;
}

/// The key that an output is; nothing for an aggregate, or for what is computed from them.
ExpressionPtr grouping_key(const Query& query, size_t output) {
  const auto* ref = std::get_if<ColumnRef>(&query.outputs.at(output)->node);
  return ref != nullptr && ref->index < query.grouping->keys.size() ? query.grouping->keys[ref->index] : nullptr;
}

bool drops_what_does_not_meet(const Join& join) { return join.kind == JoinKind::inner || join.kind == JoinKind::semi; }

}  // namespace

std::optional<QueryPtr> keys_met(const Query& query, size_t column) {
  if (query.grouping || query.limit || query.offset > 0) return {};
  if (!std::ranges::all_of(query.joins, drops_what_does_not_meet)) return {};
  const auto equals = equals_of(query, column);
  const auto first_end = query.from.columns.size();
  if (*equals.begin() < first_end) {
    if (auto table = first_table(query, *equals.begin()); is_chosen_table(table)) return only_output(table, 0);
  }
  size_t first = first_end;
  for (const auto& join : query.joins) {
    const auto end = first + join.right.columns.size();
    const auto* right = std::get_if<QueryPtr>(&join.right.from);
    const auto found = equals.lower_bound(first);
    if (right != nullptr && found != equals.end() && *found < end && is_chosen_table(**right)) {
      return only_output(**right, *found - first);
    }
    first = end;
  }
  return {};
}

void drop_unmet_groups(const Query& left, Join& join, const Capabilities& capabilities) {
  const auto* grouped = std::get_if<QueryPtr>(&join.right.from);
  if (fills_left(join.kind) || join.kind == JoinKind::not_in || grouped == nullptr) return;
  if (!(*grouped)->grouping || (*grouped)->limit || (*grouped)->offset > 0) return;
  const auto first = input_columns(left).size();
  for (const auto& condition : join.on) {
    const auto pair = equated(condition);
    if (!pair || (pair->first < first) == (pair->second < first)) continue;
    const auto key = grouping_key(**grouped, std::max(pair->first, pair->second) - first);
    const auto keys = key ? keys_met(left, std::min(pair->first, pair->second)) : std::nullopt;
    if (!keys) continue;
    Query kept = **grouped;
    auto columns = input_columns(kept);
    const auto match = make(Compare{Comparison::equal, key, make(ColumnRef{columns.size()})});
    columns.push_back((*keys)->columns.front());
    if (!may_push(*match, columns, capabilities)) continue;
    kept.joins.push_back({JoinKind::semi, {*keys, (*keys)->columns}, {match}});
    join.right.from = std::make_shared<const Query>(std::move(kept));
    return;
  }
}

}  // namespace weir::plan
