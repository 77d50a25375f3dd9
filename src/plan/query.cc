#include "plan/query.h"

#include <array>
#include <string_view>

#include "plan/capabilities.h"
#include "plan/value.h"

namespace weir::plan {
namespace {

/// DuckDB's sums of exact numbers have so many digits.
constexpr uint8_t kSumDigits = 38;

std::string shown(const Expression& expression, const std::vector<Column>& columns) {
  int parameter = 1;
  return display(expression, columns, parameter);
}

std::string_view name_of(AggregateFunction function) {
  static constexpr std::array<std::string_view, 5> kNames = {"COUNT", "COUNT", "SUM", "MIN", "MAX"};
  return kNames[static_cast<size_t>(function)];
}

Type sum_type(const Type& input) {
  return {Kind::decimal, kSumDigits, input.kind == Kind::decimal ? input.scale : uint8_t{0}, {}};
}

void allow_nulls(std::vector<Column>& columns, size_t first, size_t end) {
  for (size_t i = first; i < end; ++i) columns[i].nullable = true;
}

void add_tables(const Query& query, std::vector<BaseTable>& tables);

void add_tables(const Input& input, std::vector<BaseTable>& tables) {
  if (const auto* name = std::get_if<TableName>(&input.from)) {
    tables.push_back({*name, input.columns});
  } else if (const auto* query = std::get_if<QueryPtr>(&input.from)) {
    add_tables(**query, tables);
  } else {
    for (const auto& part : std::get<UnionAll>(input.from).queries) add_tables(*part, tables);
  }
}

void add_tables(const Query& query, std::vector<BaseTable>& tables) {
  add_tables(query.from, tables);
  for (const auto& join : query.joins) add_tables(join.right, tables);
}

}  // namespace

std::vector<BaseTable> base_tables(const Query& query) {
  std::vector<BaseTable> tables;
  add_tables(query, tables);
  return tables;
}

std::vector<Column> input_columns(const Query& query) {
  auto columns = query.from.columns;
  for (const auto& join : query.joins) {
    const auto left_count = columns.size();
    columns.insert(columns.end(), join.right.columns.begin(), join.right.columns.end());
    if (fills_left(join.kind)) allow_nulls(columns, 0, left_count);
    if (fills_right(join.kind)) allow_nulls(columns, left_count, columns.size());
  }
  return columns;
}

std::vector<Column> result_columns(const Query& query) { return result_columns(query, input_columns(query)); }

std::vector<Column> result_columns(const Query& query, const std::vector<Column>& inputs) {
  if (!query.grouping) return inputs;
  std::vector<Column> columns;
  for (const auto& key : query.grouping->keys) columns.push_back(value_column(*key, inputs));
  for (const auto& aggregate : query.grouping->aggregates) columns.push_back(aggregate_column(aggregate, inputs));
  return columns;
}

Column aggregate_column(const Aggregate& aggregate, const std::vector<Column>& columns) {
  Column column;
  column.name = std::string(name_of(aggregate.function)) + (aggregate.distinct ? "(DISTINCT " : "(") +
                (aggregate.input ? shown(*aggregate.input, columns) : "*") + ")";
  column.is_computed = true;
  if (aggregate.filter) column.name += " FILTER (WHERE " + shown(*aggregate.filter, columns) + ")";
  switch (aggregate.function) {
    case AggregateFunction::count_rows:
    case AggregateFunction::count:
      column.type = {Kind::int64, 0, 0, {}};
      column.source_type = "bigint";
      column.nullable = false;
      break;
    case AggregateFunction::sum:
      column.type = sum_type(value_type(*aggregate.input, columns));
      column.is_sum = true;
      column.source_type = "numeric";
      break;
    case AggregateFunction::min:
    case AggregateFunction::max: {
      const auto input = value_column(*aggregate.input, columns);
      column.type = input.type;
      column.collation = input.collation;
      // Enums, domains and the like are compared by their texts.
      column.source_type = input.type.kind == Kind::text ? "text" : input.source_type;
      break;
    }
  }
  return column;
}

}  // namespace weir::plan
