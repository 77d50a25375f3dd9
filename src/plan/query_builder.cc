#include "plan/query_builder.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "plan/met_keys.h"
#include "plan/value.h"

namespace weir::plan {
namespace {

using Verdict = QueryBuilder::Verdict;

Verdict refuse(std::string reason) { return std::unexpected(std::move(reason)); }

template <typename... Cases>
struct Overload : Cases... {
  using Cases::operator()...;
};

/// Expressions with other columns.
class Replacement {
 public:
  using Replace = std::function<ExpressionPtr(size_t column)>;
  explicit Replacement(Replace replace) : replace_(std::move(replace)) {}

  ExpressionPtr operator()(const ExpressionPtr& expression) const {
    if (!expression) return expression;
    return std::visit(
        Overload{
            [&](const ColumnRef& ref) { return replace_(ref.index); },
            [&](const Constant&) { return expression; },
            [&](const Compare& node) { return make(Compare{node.op, (*this)(node.left), (*this)(node.right)}); },
            [&](const In& node) { return make(In{(*this)(node.input), node.values, node.negated}); },
            [&](const IsNull& node) { return make(IsNull{(*this)(node.input), node.negated}); },
            [&](const Like& node) { return make(Like{(*this)(node.input), node.match, node.pattern, node.negated}); },
            [&](const And& node) { return make(And{all(node.children)}); },
            [&](const Or& node) { return make(Or{all(node.children)}); },
            [&](const Not& node) { return make(Not{(*this)(node.child)}); },
            [&](const Call& node) { return make(Call{node.function, all(node.arguments), node.type}); },
            [&](const Case& node) {
              return make(Case{all(node.conditions), all(node.values), (*this)(node.otherwise), node.type});
            },
        },
        expression->node);
  }

 private:
  std::vector<ExpressionPtr> all(const std::vector<ExpressionPtr>& expressions) const {
    std::vector<ExpressionPtr> replaced;
    for (const auto& expression : expressions) replaced.push_back((*this)(expression));
    return replaced;
  }

  Replace replace_;
};

std::vector<ExpressionPtr> columns_from(size_t first, size_t count) {
  std::vector<ExpressionPtr> columns;
  for (size_t i = 0; i < count; ++i) columns.push_back(make(ColumnRef{first + i}));
  return columns;
}

bool has_same_range(Kind kind) {
  return kind == Kind::boolean || kind == Kind::int16 || kind == Kind::int32 || kind == Kind::int64 ||
         kind == Kind::decimal || kind == Kind::text;
}

/// Not of NULL, whose type nobody knows, of text that a source cannot hold, and of types whose ranges differ.
std::optional<Column> constant_column(const Expression& value) {
  const auto* constant = std::get_if<Constant>(&value.node);
  if (constant == nullptr || constant->is_null() || !has_same_range(constant->type.kind)) return {};
  const auto* text = std::get_if<std::string>(&constant->value);
  if (text != nullptr && text->find('\0') != std::string::npos) return {};
  return Column{.name = "constant", .type = constant->type, .source_type = "constant", .is_computed = true};
}

bool may_be_null(const Expression& value, const std::vector<Column>& columns) {
  const auto* ref = std::get_if<ColumnRef>(&value.node);
  return ref == nullptr || columns.at(ref->index).nullable;
}

/// Values that are never NULL are as many as their rows, which a source counts without looking at them. Not when a cast
/// decides whether they are.
Aggregate counting_rows(Aggregate aggregate, const std::vector<Column>& columns) {
  const bool counts = aggregate.function == AggregateFunction::count && !aggregate.distinct;
  if (!counts || may_be_null(*aggregate.input, columns)) return aggregate;
  if (value_column(*aggregate.input, columns).cast_to_text) return aggregate;
  return {.function = AggregateFunction::count_rows, .filter = std::move(aggregate.filter)};
}

/// Values that are the same, or both NULL, are equal as soon as one of them never is: that a source can join by.
/// Nothing for two that may be NULL, which make it compare every row with every other.
ExpressionPtr joinable(const ExpressionPtr& condition, const std::vector<Column>& columns) {
  const auto* compare = std::get_if<Compare>(&condition->node);
  if (compare == nullptr || compare->op != Comparison::not_distinct) return condition;
  if (may_be_null(*compare->left, columns) && may_be_null(*compare->right, columns)) return {};
  return make(Compare{Comparison::equal, compare->left, compare->right});
}

bool is_constant(const Expression& value) { return std::holds_alternative<Constant>(value.node); }
bool is_column(const ExpressionPtr& value) { return std::holds_alternative<ColumnRef>(value->node); }

/// Which rows it gives may change from one time to the next.
bool stops_early(const Input& input) {
  const auto stops = [](const QueryPtr& query) {
    return query->limit || query->offset > 0 || stops_early(query->from) ||
           std::ranges::any_of(query->joins, [](const Join& join) { return stops_early(join.right); });
  };
  if (const auto* query = std::get_if<QueryPtr>(&input.from)) return stops(*query);
  const auto* all = std::get_if<UnionAll>(&input.from);
  return all != nullptr && std::ranges::any_of(all->queries, stops);
}

bool same_form(const Column& left, const Column& right) {
  return left.type == right.type && left.cast_to_text == right.cast_to_text && left.collation == right.collation &&
         left.source_type == right.source_type;
}

}  // namespace

QueryBuilder::QueryBuilder(TableName table, std::vector<Column> columns, std::vector<ExpressionPtr> filters,
                           const Capabilities& capabilities)
    : capabilities_(capabilities) {
  query_.from = {std::move(table), columns};
  query_.filters = std::move(filters);
  show_all(std::move(columns));
}

/// The outputs are all inputs.
void QueryBuilder::show_all(std::vector<Column> columns) {
  query_.outputs = columns_from(0, columns.size());
  query_.columns = std::move(columns);
}

ExpressionPtr QueryBuilder::inner(const ExpressionPtr& expression) const {
  return Replacement([&](size_t column) { return query_.outputs.at(column); })(expression);
}

std::vector<ExpressionPtr> QueryBuilder::inner(const std::vector<ExpressionPtr>& expressions) const {
  std::vector<ExpressionPtr> all;
  for (const auto& expression : expressions) all.push_back(inner(expression));
  return all;
}

Aggregate QueryBuilder::inner(const Aggregate& aggregate) const {
  return {aggregate.function, inner(aggregate.input), aggregate.distinct, inner(aggregate.filter)};
}

Verdict QueryBuilder::check(Operation operation, const ExpressionPtr& value, const std::vector<Column>& columns) const {
  return may_apply(operation, *value, columns, capabilities_);
}

Verdict QueryBuilder::check_grouped(const std::vector<ExpressionPtr>& values,
                                    const std::vector<Column>& columns) const {
  for (const auto& value : values) {
    if (auto verdict = check(Operation::grouping, value, columns); !verdict) return verdict;
  }
  return {};
}

/// Nothing but FROM and joins: what may stand in another query's FROM as it is. A value that is computed, or constant,
/// is not: behind a join that fills its columns with NULLs it would be another one.
bool QueryBuilder::is_bare() const {
  return query_.filters.empty() && !query_.grouping && !query_.distinct && !query_.limit && query_.offset == 0 &&
         std::ranges::all_of(query_.outputs, is_column);
}

void QueryBuilder::nest() {
  Query outer;
  outer.from.columns = query_.columns;
  auto columns = query_.columns;
  outer.from.from = std::make_shared<const Query>(std::move(query_));
  query_ = std::move(outer);
  show_all(std::move(columns));
}

Verdict QueryBuilder::filter(const ExpressionPtr& predicate) {
  if (query_.limit || query_.offset > 0 || query_.distinct) nest();
  auto wanted = inner(predicate);
  if (auto verdict = may_push(*wanted, result_columns(query_), capabilities_); !verdict) return verdict;
  (query_.grouping ? query_.grouping->having : query_.filters).push_back(std::move(wanted));
  return {};
}

Verdict QueryBuilder::select(const std::vector<ExpressionPtr>& values) {
  if (query_.distinct) nest();
  std::vector<ExpressionPtr> outputs;
  std::vector<Column> kept;
  const auto columns = result_columns(query_);
  for (const auto& value : values) {
    if (const auto* ref = std::get_if<ColumnRef>(&value->node)) {
      kept.push_back(query_.columns.at(ref->index));
    } else if (auto constant = constant_column(*value)) {
      kept.push_back(std::move(*constant));
    } else if (is_constant(*value)) {
      return refuse("a constant that a source cannot hold exactly is selected");
    } else {
      if (auto verdict = may_compute(*inner(value), columns, capabilities_); !verdict) return verdict;
      kept.push_back(value_column(*value, query_.columns));
    }
    outputs.push_back(inner(value));
  }
  query_.outputs = std::move(outputs);
  query_.columns = std::move(kept);
  return {};
}

Verdict QueryBuilder::check(const Aggregate& aggregate) const {
  const auto inputs = input_columns(query_);
  if (aggregate.filter) {
    if (auto verdict = may_push(*aggregate.filter, inputs, capabilities_); !verdict) return verdict;
  }
  if (aggregate.distinct) {
    if (auto verdict = check(Operation::grouping, aggregate.input, inputs); !verdict) return verdict;
  }
  switch (aggregate.function) {
    case AggregateFunction::count_rows:
      return {};
    case AggregateFunction::count:
      return check(Operation::null_test, aggregate.input, inputs);
    case AggregateFunction::sum:
      return check(Operation::sum, aggregate.input, inputs);
    case AggregateFunction::min:
    case AggregateFunction::max:
      return check(Operation::extreme, aggregate.input, inputs);
  }
  return refuse("the aggregate is not known");
}

Verdict QueryBuilder::group(const std::vector<ExpressionPtr>& keys, const std::vector<Aggregate>& aggregates) {
  if (!capabilities_.aggregate) return refuse("the source has no aggregates");
  if (query_.grouping || query_.distinct || query_.limit || query_.offset > 0) nest();
  query_.order.clear();
  Grouping grouping;
  grouping.keys = inner(keys);
  const auto inputs = input_columns(query_);
  if (auto verdict = check_grouped(grouping.keys, inputs); !verdict) return verdict;
  for (const auto& aggregate : aggregates) {
    grouping.aggregates.push_back(counting_rows(inner(aggregate), inputs));
    if (auto verdict = check(grouping.aggregates.back()); !verdict) return verdict;
  }
  query_.grouping = std::move(grouping);
  show_all(result_columns(query_));
  worth_ = true;
  return {};
}

Verdict QueryBuilder::distinct() {
  if (!capabilities_.aggregate) return refuse("the source has no DISTINCT");
  if (query_.limit || query_.offset > 0) nest();
  query_.order.clear();
  if (auto verdict = check_grouped(query_.outputs, result_columns(query_)); !verdict) return verdict;
  query_.distinct = worth_ = true;
  return {};
}

Verdict QueryBuilder::sort(const std::vector<SortKey>& order) {
  if (!capabilities_.sort) return refuse("the source has no ORDER BY");
  // After DISTINCT only the columns themselves can be sorted by.
  if (query_.limit || query_.offset > 0 || query_.distinct) nest();
  query_.order.clear();
  const auto columns = result_columns(query_);
  for (const auto& [key, descending, nulls_first] : order) {
    auto wanted = inner(key);
    if (auto verdict = check(Operation::ordering, wanted, columns); !verdict) return verdict;
    query_.order.push_back({std::move(wanted), descending, nulls_first});
  }
  return {};
}

Verdict QueryBuilder::first(const std::vector<SortKey>& order, uint64_t limit, uint64_t offset) {
  if (auto verdict = sort(order); !verdict) return verdict;
  query_.limit = limit;
  query_.offset = offset;
  worth_ = true;
  return {};
}

Verdict QueryBuilder::limit(uint64_t limit, uint64_t offset) {
  if (!capabilities_.limit) return refuse("LIMIT: the source has none");
  if (offset > 0 && !capabilities_.sort) return refuse("OFFSET: the source has none");
  if (query_.limit || query_.offset > 0) nest();
  query_.order.clear();
  query_.limit = limit;
  query_.offset = offset;
  // A scan has a limit of its own.
  worth_ = worth_ || offset > 0;
  return {};
}

Verdict QueryBuilder::join(JoinKind kind, QueryBuilder right, const std::vector<ExpressionPtr>& on) {
  if (!capabilities_.join) return refuse("the source has no joins");
  // What a join may fill with NULLs is filtered before it, and what it may multiply is counted before.
  if (fills_left(kind) ? !is_bare() || !query_.joins.empty()
                       : query_.grouping || query_.distinct || query_.limit || query_.offset > 0) {
    nest();
  }
  if (!right.is_bare() || !right.query_.joins.empty() || !std::holds_alternative<TableName>(right.query_.from.from)) {
    right.nest();
  }
  query_.order.clear();
  const size_t first = input_columns(query_).size();
  Join join{kind, right.query_.from, {}};
  auto columns = query_.columns;
  columns.insert(columns.end(), right.query_.columns.begin(), right.query_.columns.end());
  auto both = query_.outputs;
  // The right side is a table or a query by itself: its outputs are its inputs, but in another order and number.
  for (const auto& output : right.query_.outputs) {
    both.push_back(Replacement([&](size_t column) { return make(ColumnRef{first + column}); })(output));
  }
  query_.joins.push_back(join);
  const auto inputs = input_columns(query_);
  for (const auto& condition : on) {
    const auto possible = joinable(condition, columns);
    if (!possible) return refuse("JOIN by IS NOT DISTINCT FROM over two columns that may be NULL");
    auto wanted = Replacement([&](size_t column) { return both.at(column); })(possible);
    if (auto verdict = may_push(*wanted, inputs, capabilities_); !verdict) return verdict;
    query_.joins.back().on.push_back(std::move(wanted));
  }
  auto joined = std::move(query_.joins.back());
  query_.joins.pop_back();
  drop_unmet_groups(query_, joined, capabilities_);
  query_.joins.push_back(std::move(joined));
  worth_ = true;
  if (kind == JoinKind::not_in) return settle_not_in(inputs);
  if (keeps_left_only(kind)) return {};
  query_.outputs = std::move(both);
  query_.columns = std::move(columns);
  for (size_t i = 0; i < query_.outputs.size(); ++i) {
    const auto* ref = std::get_if<ColumnRef>(&query_.outputs[i]->node);
    query_.columns[i].nullable |= ref == nullptr || inputs[ref->index].nullable;
  }
  return {};
}

/// Without NULLs it is an anti join; with them the right side is asked several times.
Verdict QueryBuilder::settle_not_in(const std::vector<Column>& inputs) {
  auto& join = query_.joins.back();
  const auto* equality = join.on.size() == 1 ? std::get_if<Compare>(&join.on.front()->node) : nullptr;
  if (equality == nullptr || equality->op != Comparison::equal) return refuse("NOT IN by more than one equality");
  if (!may_be_null(*equality->left, inputs) && !may_be_null(*equality->right, inputs)) {
    join.kind = JoinKind::anti;
  } else if (stops_early(join.right)) {
    return refuse("NOT IN over the first rows of a subquery, which may be others each time");
  }
  return {};
}

Verdict QueryBuilder::union_all(std::vector<QueryBuilder> others) {
  if (!capabilities_.union_all) return refuse("the source has no UNION ALL");
  auto columns = query_.columns;
  UnionAll all;
  all.queries.push_back(std::make_shared<const Query>(std::move(query_)));
  for (auto& other : others) {
    if (!std::ranges::equal(columns, other.query_.columns, same_form)) {
      return refuse("UNION ALL of columns that the source keeps in different forms");
    }
    for (size_t i = 0; i < columns.size(); ++i) columns[i].nullable |= other.query_.columns[i].nullable;
    all.queries.push_back(std::make_shared<const Query>(std::move(other.query_)));
  }
  query_ = {};
  query_.from = {std::move(all), columns};
  show_all(std::move(columns));
  worth_ = true;
  return {};
}

QueryPtr QueryBuilder::build() const { return std::make_shared<const Query>(query_); }

}  // namespace weir::plan
