/// What a source is asked to read: one table or the answer of a query, some columns, proven predicates, a limit.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "plan/expression.h"

namespace weir::plan {

/// A table of a source: for SQL sources schema and table, for others whatever has two levels.
struct TableName {
  std::string schema;
  std::string table;

  auto operator<=>(const TableName&) const = default;
  std::string to_string() const { return schema + "." + table; }
};

/// A column of a source's table.
struct Column {
  std::string name;
  Type type;
  Collation collation = Collation::not_text;
  bool nullable = true;
  /// The source's own name of the type, e.g. "numeric(12,2)" or "citext"; for messages and documentation.
  std::string source_type;
  /// The source sends the value as text because its type has no exact home here: only its NULL test may run on
  /// the source.
  bool cast_to_text = false;
  bool is_computed = false;  ///< `name` is the text of an expression
  bool is_sum = false;       ///< of exact values: a decimal that may have all of 128 bits, as DuckDB's own sums

  bool operator==(const Column&) const = default;
};

struct Query;
using QueryPtr = std::shared_ptr<const Query>;

/// A scan that is ready to be rendered by a connector's dialect.
struct Scan {
  TableName table;                     ///< of a query: one of its tables, for messages
  QueryPtr query;                      ///< read instead of the table, when there is one
  std::vector<Column> columns;         ///< all columns of the table or of the query, in its order
  std::vector<size_t> projection;      ///< columns to be delivered, in this order; empty: only the number of rows
  std::vector<ExpressionPtr> filters;  ///< all must hold; proven identical, so nobody checks them again
  std::optional<uint64_t> limit;       ///< any rows will do, but not more than these
  uint64_t estimated_rows = 0;         ///< rows after filters and limit, for choosing how to read; never for pruning
};

}  // namespace weir::plan
