/// A whole question to one source: one SELECT over tables, joins and other SELECTs, free of SQL text and of DuckDB
/// types.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "plan/expression.h"
#include "plan/scan.h"

namespace weir::plan {

/// All rows of several queries; their columns pair up by position and have the same types.
struct UnionAll {
  std::vector<QueryPtr> queries;
};

/// What FROM reads: `columns` are all columns of the table, or the outputs of the query.
struct Input {
  std::variant<TableName, QueryPtr, UnionAll> from;
  std::vector<Column> columns;
};

/// `semi` and `anti` keep the left rows that have a match, or have none; the right columns are seen by `on` only.
/// `not_in` is anti by one equality, of the left side with the right one, where a NULL on either may be a match: it
/// keeps a row when none of the right rows is one.
enum class JoinKind : uint8_t { inner, left, right, full, semi, anti, not_in };

/// Whether the rows of a side that have no match are missing, so that NULLs stand for its columns.
inline bool fills_left(JoinKind kind) { return kind == JoinKind::right || kind == JoinKind::full; }
inline bool fills_right(JoinKind kind) { return kind == JoinKind::left || kind == JoinKind::full; }
/// Whether only the left columns are there afterwards.
inline bool keeps_left_only(JoinKind kind) {
  return kind == JoinKind::semi || kind == JoinKind::anti || kind == JoinKind::not_in;
}

struct Join {
  JoinKind kind;
  Input right;
  std::vector<ExpressionPtr> on;  ///< all must hold; columns as in Query::filters, up to those of `right`
};

enum class AggregateFunction : uint8_t { count_rows, count, sum, min, max };

struct Aggregate {
  AggregateFunction function;
  ExpressionPtr input = {};  ///< nothing for count_rows
  bool distinct = false;
  ExpressionPtr filter = {};  ///< FILTER (WHERE …); may be nothing
};

struct Grouping {
  std::vector<ExpressionPtr> keys;  ///< none: one row, also over no rows
  std::vector<Aggregate> aggregates;
  std::vector<ExpressionPtr> having;  ///< all must hold; columns as in Query::outputs
};

struct SortKey {
  ExpressionPtr key;
  bool descending = false;
  bool nulls_first = false;
};

/// The clauses of one SELECT, in SQL's order of evaluation. Columns of `filters`, of the joins, and of keys and
/// aggregates are numbered through `from` and the right sides of the joins; those of `having`, `outputs` and `order` as
/// well, unless there is a grouping: then through its keys and its aggregates.
struct Query {
  Input from;
  std::vector<Join> joins;
  std::vector<ExpressionPtr> filters;  ///< all must hold
  std::optional<Grouping> grouping;
  std::vector<ExpressionPtr> outputs;
  bool distinct = false;
  std::vector<SortKey> order;
  std::optional<uint64_t> limit;
  uint64_t offset = 0;

  std::vector<Column> columns;  ///< what the outputs are
};

struct BaseTable {
  TableName name;
  std::vector<Column> columns;
};
/// The source's tables that a query reads, as often as it names them.
std::vector<BaseTable> base_tables(const Query& query);

/// The columns that `filters` may name, nullable where a join may fill them with NULL, and those that `outputs` may
/// name; `inputs` are the former, under names to be shown.
std::vector<Column> input_columns(const Query& query);
std::vector<Column> result_columns(const Query& query);
std::vector<Column> result_columns(const Query& query, const std::vector<Column>& inputs);

/// Facts of an aggregate's value, its name as people read it: "SUM(total)". `columns` are those of its input. The type
/// of a sum is decimal.
Column aggregate_column(const Aggregate& aggregate, const std::vector<Column>& columns);

}  // namespace weir::plan
