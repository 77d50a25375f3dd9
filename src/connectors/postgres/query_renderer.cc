#include "connectors/postgres/query_renderer.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "connectors/postgres/postgres_dialect.h"
#include "plan/value.h"

namespace weir::postgres {
namespace {

using plan::AggregateFunction;
using plan::JoinKind;
using plan::Kind;

std::string_view words(JoinKind kind) {
  static constexpr std::array<std::string_view, 4> kWords = {" JOIN ", " LEFT JOIN ", " RIGHT JOIN ", " FULL JOIN "};
  return kWords.at(static_cast<size_t>(kind));
}

/// A sum of 8-byte integers has no overflow in PostgreSQL, but one of 4-byte integers has.
bool is_integer(Kind kind) {
  return kind == Kind::int16 || kind == Kind::int32 || kind == Kind::int64 || kind == Kind::uint32;
}

bool is_column(const plan::ExpressionPtr& output) { return std::holds_alternative<plan::ColumnRef>(output->node); }

std::string clause(std::string_view word, const std::vector<std::string>& parts, std::string_view between) {
  return parts.empty() ? std::string() : fmt::format(" {} {}", word, fmt::join(parts, between));
}

/// How long PostgreSQL takes for a condition, in steps: of plain numbers and moments, of decimals, of texts, of
/// patterns.
class Dearness {
 public:
  static constexpr int kMost = 3;

  explicit Dearness(const std::vector<plan::Column>& columns) : columns_(columns) {}
  int of(const plan::ExpressionPtr& condition) const { return std::visit(*this, condition->node); }

  int operator()(const plan::Compare& compare) const {
    return std::max(of_value(compare.left), of_value(compare.right));
  }
  int operator()(const plan::In& in) const { return of_value(in.input); }
  int operator()(const plan::Like&) const { return kMost; }
  int operator()(const plan::And& all) const { return of_dearest(all.children); }
  int operator()(const plan::Or& any) const { return of_dearest(any.children); }
  int operator()(const plan::Not& no) const { return of(no.child); }
  int operator()(const auto&) const { return 0; }

 private:
  int of_dearest(const std::vector<plan::ExpressionPtr>& conditions) const {
    int dearest = 0;
    for (const auto& condition : conditions) dearest = std::max(dearest, of(condition));
    return dearest;
  }
  int of_value(const plan::ExpressionPtr& value) const {
    switch (plan::value_type(*value, columns_).kind) {
      case Kind::decimal:
        return 1;
      case Kind::text:
      case Kind::binary:
      case Kind::json:
      case Kind::list:
        return 2;
      default:
        return std::holds_alternative<plan::Call>(value->node) ? 1 : 0;
    }
  }

  const std::vector<plan::Column>& columns_;
};

/// Groups that a semi or an anti join asks for are made once: without the fence (which no subquery of a parallel worker
/// has) PostgreSQL may let every worker make all of them.
std::string fence(const plan::Query& query) {
  return query.grouping && !query.limit && query.offset == 0 ? " OFFSET 0" : "";
}

}  // namespace

std::string wire_cast(const plan::Column& column) {
  if (!column.cast_to_text) return {};
  return column.type.kind == Kind::list ? "::text[]" : "::text";
}

std::string QueryRenderer::output_name(size_t output) { return "c" + std::to_string(output); }

std::string QueryRenderer::input(const plan::Input& input, Space& space, bool is_asked_for_matches) {
  std::string text;
  const auto* table = std::get_if<plan::TableName>(&input.from);
  if (table != nullptr) {
    text = quote_identifier(table->schema) + "." + quote_identifier(table->table);
  } else if (const auto* query = std::get_if<plan::QueryPtr>(&input.from)) {
    text = "(" + render(**query, false) + (is_asked_for_matches ? fence(**query) : "") + ")";
  } else {
    std::vector<std::string> all;
    for (const auto& part : std::get<plan::UnionAll>(input.from).queries)
      all.push_back("(" + render(*part, false) + ")");
    text = fmt::format("({})", fmt::join(all, " UNION ALL "));
  }
  const auto alias = fmt::format("t{}", ++aliases_);
  for (size_t i = 0; i < input.columns.size(); i++) {
    space.texts.push_back(alias + "." + (table != nullptr ? quote_identifier(input.columns[i].name) : output_name(i)));
  }
  space.columns.insert(space.columns.end(), input.columns.begin(), input.columns.end());
  return text + " AS " + alias;
}

QueryRenderer::From QueryRenderer::from(const plan::Query& query) {
  From from;
  from.text = input(query.from, from.space);
  for (const auto& join : query.joins) {
    const auto left = join.kind == JoinKind::not_in ? from.space : Space();
    const auto right = input(join.right, from.space, plan::keeps_left_only(join.kind));
    const auto on = fmt::format("{}", fmt::join(all_of(join.on, from.space), " AND "));
    if (plan::keeps_left_only(join.kind)) {
      from.conditions.push_back(fmt::format("{}EXISTS (SELECT FROM {}{})", join.kind == JoinKind::semi ? "" : "NOT ",
                                            right, on.empty() ? "" : " WHERE " + on));
      if (join.kind == JoinKind::not_in) add_null_conditions(join, left, from.conditions);
    } else {
      from.text += fmt::format("{}{} ON {}", words(join.kind), right, on.empty() ? "true" : on);
    }
  }
  return from;
}

/// NOT EXISTS leaves the rows whose comparisons are unknown, NOT IN does not. In this form PostgreSQL asks each
/// question once, beside a join by hash; of NOT IN itself it may make a loop over all pairs.
void QueryRenderer::add_null_conditions(const plan::Join& join, const Space& left,
                                        std::vector<std::string>& conditions) {
  const auto& equality = std::get<plan::Compare>(join.on.front()->node);
  const auto test = [](const plan::ExpressionPtr& value, bool negated) {
    return plan::IsNull{.input = value, .negated = negated};
  };
  auto rows = left;
  const auto any_row = input(join.right, rows);
  conditions.push_back(fmt::format("({} OR NOT EXISTS (SELECT FROM {}))",
                                   value(plan::Expression{test(equality.left, true)}, left), any_row));
  auto nulls = left;
  const auto null_row = input(join.right, nulls);
  conditions.push_back(fmt::format("NOT EXISTS (SELECT FROM {} WHERE {})", null_row,
                                   value(plan::Expression{test(equality.right, false)}, nulls)));
}

/// PostgreSQL tests conditions that it takes for equally dear, and it takes nearly all for that, as they are written.
std::vector<std::string> QueryRenderer::all_of(const std::vector<plan::ExpressionPtr>& predicates,
                                               const Space& space) const {
  const ExpressionRenderer renderer(space.columns, space.texts, place_);
  const Dearness dearness(space.columns);
  std::vector<std::string> texts;
  for (int step = 0; step <= Dearness::kMost; ++step) {
    for (const auto& predicate : predicates) {
      if (dearness.of(predicate) == step) texts.push_back(renderer.render(*predicate));
    }
  }
  return texts;
}

std::string QueryRenderer::value(const plan::Expression& expression, const Space& space) const {
  return ExpressionRenderer(space.columns, space.texts, place_).render(expression);
}

std::string QueryRenderer::compared(const plan::Expression& expression, const Space& space) const {
  return ExpressionRenderer(space.columns, space.texts, place_).compared(expression);
}

std::string QueryRenderer::aggregate(const plan::Aggregate& aggregate, const Space& space) const {
  std::string text;
  const auto* distinct = aggregate.distinct ? "DISTINCT " : "";
  switch (aggregate.function) {
    case AggregateFunction::count_rows:
      text = "count(*)";
      break;
    case AggregateFunction::count:
      // Of a type with a cast that somebody made, what is sent decides whether it is NULL.
      text = fmt::format("count({}{}{})", distinct, value(*aggregate.input, space),
                         wire_cast(plan::value_column(*aggregate.input, space.columns)));
      break;
    case AggregateFunction::sum: {
      const bool widen = is_integer(plan::value_type(*aggregate.input, space.columns).kind);
      text = fmt::format("sum({}{}{})", distinct, value(*aggregate.input, space), widen ? "::int8" : "");
      break;
    }
    case AggregateFunction::min:
      text = fmt::format("min({})", compared(*aggregate.input, space));
      break;
    case AggregateFunction::max:
      text = fmt::format("max({})", compared(*aggregate.input, space));
      break;
  }
  if (aggregate.filter) text += " FILTER (WHERE " + value(*aggregate.filter, space) + ")";
  return text;
}

QueryRenderer::Space QueryRenderer::grouped(const plan::Query& query, const Space& inputs) const {
  Space space;
  space.columns = plan::result_columns(query);
  for (const auto& key : query.grouping->keys) space.texts.push_back(value(*key, inputs));
  for (const auto& one : query.grouping->aggregates) space.texts.push_back(aggregate(one, inputs));
  return space;
}

std::string QueryRenderer::outputs(const plan::Query& query, const Space& space, bool in_wire_form) const {
  std::string list;
  for (size_t i = 0; i < query.outputs.size(); i++) {
    const auto& column = query.columns[i];
    auto text = value(*query.outputs[i], space);
    if (in_wire_form) text += wire_cast(column);
    list += fmt::format("{}{} AS {}", i == 0 ? " " : ", ", text, output_name(i));
  }
  return list;
}

std::string QueryRenderer::sort_key(const plan::SortKey& key, const Space& space) const {
  return fmt::format("{} {} NULLS {}", compared(*key.key, space), key.descending ? "DESC" : "ASC",
                     key.nulls_first ? "FIRST" : "LAST");
}

std::string QueryRenderer::render(const plan::Query& query, bool in_wire_form) {
  auto from = this->from(query);
  const auto space = query.grouping ? grouped(query, from.space) : from.space;
  auto text = fmt::format("SELECT{}{} FROM {}", query.distinct ? " DISTINCT" : "", outputs(query, space, in_wire_form),
                          from.text);
  auto conditions = all_of(query.filters, from.space);
  conditions.insert(conditions.end(), from.conditions.begin(), from.conditions.end());
  text += clause("WHERE", conditions, " AND ");
  if (query.grouping) {
    const auto keys = static_cast<std::ptrdiff_t>(query.grouping->keys.size());
    text += clause("GROUP BY", {space.texts.begin(), space.texts.begin() + keys}, ", ");
    auto having = all_of(query.grouping->having, space);
    // One row also when nobody reads an aggregate, of which SQL would not know that it is one.
    if (keys == 0 && having.empty() && !std::ranges::any_of(query.outputs, is_column)) having.emplace_back("true");
    text += clause("HAVING", having, " AND ");
  }
  std::vector<std::string> order;
  for (const auto& key : query.order) order.push_back(sort_key(key, space));
  text += clause("ORDER BY", order, ", ");
  if (query.limit) text += fmt::format(" LIMIT {}", *query.limit);
  if (query.offset > 0) text += fmt::format(" OFFSET {}", query.offset);
  return text;
}

}  // namespace weir::postgres
