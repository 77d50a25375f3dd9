/// The predicates and values that can be pushed to a source: a small tree, free of SQL text and of DuckDB types.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "plan/type.h"

namespace weir::plan {

/// A constant. The alternative used follows from `type.kind`: bool; int64 for integers; double for floats;
/// string for text, json and binary bytes, and for decimal, date, time, timestamps and uuid in ISO text
/// (`-12.50`, `2024-02-29`, `2024-02-29 12:00:00.123456`, `0044-03-15 (BC)`, `infinity`); monostate for NULL.
struct Constant {
  Type type;
  std::variant<std::monostate, bool, int64_t, double, std::string> value;

  bool is_null() const { return std::holds_alternative<std::monostate>(value); }
  bool operator==(const Constant&) const = default;
};

/// The last two are IS [NOT] DISTINCT FROM: NULL is a value like others.
enum class Comparison : uint8_t {
  equal,
  not_equal,
  less,
  less_or_equal,
  greater,
  greater_or_equal,
  distinct,
  not_distinct
};
enum class Match : uint8_t { like, prefix, suffix, contains };

struct Expression;
using ExpressionPtr = std::shared_ptr<const Expression>;

/// Reads column `index` of the scanned table (an index into `Scan::columns`).
struct ColumnRef {
  size_t index;
};
struct Compare {
  Comparison op;
  ExpressionPtr left, right;
};
/// `input IN (values)`, or NOT IN. NULLs among the values follow SQL's three-valued logic; their type does not matter.
struct In {
  ExpressionPtr input;
  std::vector<Constant> values;
  bool negated;
};
struct IsNull {
  ExpressionPtr input;
  bool negated;
};
/// `like`: `pattern` holds % and _ and knows no escape character; the other matches take it literally.
struct Like {
  ExpressionPtr input;
  Match match;
  std::string pattern;
  bool negated;
};
struct And {
  std::vector<ExpressionPtr> children;
};
struct Or {
  std::vector<ExpressionPtr> children;
};
struct Not {
  ExpressionPtr child;
};

/// What a source may compute. The arguments of arithmetic are as exact as they are stored: nothing is cast before.
enum class Function : uint8_t {
  add,  // arithmetic up to `absolute`
  subtract,
  multiply,
  negate,
  absolute,
  coalesce,
  length,     ///< in characters
  substring,  ///< (text, first character ≥ 1, number of characters ≥ 0), the last two constants
  year,       ///< of the calendar that has a year 0
  quarter,    ///< of infinite moments all parts are NULL
  month,
  day,
  hour,
  minute,
  date_trunc,  ///< (unit, moment), the unit a constant: year, quarter, month, week, day, hour, minute, second
};
/// `type` is the result's here; a decimal that does not fit into it is an error.
struct Call {
  Function function;
  std::vector<ExpressionPtr> arguments;
  Type type;
};
/// CASE WHEN … THEN … ELSE … END: the value of the first condition that holds.
struct Case {
  std::vector<ExpressionPtr> conditions, values;  ///< of one size
  ExpressionPtr otherwise;
  Type type;
};

/// An expression node. Comparisons between unlike numeric kinds are allowed only where both sides are exact.
struct Expression {
  std::variant<ColumnRef, Constant, Compare, In, IsNull, Like, And, Or, Not, Call, Case> node;
};

template <typename Node>
ExpressionPtr make(Node node) {
  return std::make_shared<const Expression>(Expression{std::move(node)});
}

std::string_view to_string(Comparison op);
std::string_view to_string(Function function);

}  // namespace weir::plan
