/// What a source can be trusted with, as data; the one planner reads it (no connector ever decides pushdown).
#pragma once

#include <expected>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "plan/scan.h"

namespace weir::plan {

/// Operations whose results can differ between a source and DuckDB.
enum class Operation : uint8_t {
  equality,
  ordering,  ///< < and >, and ORDER BY
  null_test,
  pattern,
  grouping,  ///< GROUP BY, DISTINCT: equal values must be the same value (-0.0 and 0.0 are not)
  extreme,   ///< MIN and MAX
  sum,       ///< exact
  choice,    ///< CASE and coalesce: the value itself, from one of several places
};

/// One row of a source's table of trust: `operation` on columns of `kind` gives DuckDB's own result.
/// A kind or an operation without a row stays here.
struct Rule {
  Kind kind;
  Operation operation;
};

/// `function` over arguments of `kind` gives DuckDB's own result, or an error where DuckDB gives one.
struct FunctionRule {
  Function function;
  Kind kind;
};

/// The whole of what a source can do.
struct Capabilities {
  std::span<const Rule> rules;
  std::span<const FunctionRule> functions = {};
  bool limit = false;      ///< LIMIT without ORDER BY
  bool sort = false;       ///< ORDER BY with LIMIT and OFFSET
  bool aggregate = false;  ///< GROUP BY, aggregates, HAVING, DISTINCT
  bool join = false;       ///< joins of its own tables
  bool union_all = false;
  size_t in_list_length_max = 0;   ///< longer lists stay here
  size_t key_list_length_max = 0;  ///< the same of lists of joins' keys, which are sent only where they pay
  bool text_is_utf8 = false;       ///< false: text is not compared on the source, because bytes differ
};

/// Why something is not pushed; goes into `residual_reasons`.
using Refusal = std::string;

/// Whether a source may evaluate `predicate` over `columns`: nothing, or the reason why it stays here.
/// Pure; the same answer for the same input.
std::expected<void, Refusal> may_push(const Expression& predicate, std::span<const Column> columns,
                                      const Capabilities& capabilities);
/// Whether it may compute a value, for nothing but to give it.
std::expected<void, Refusal> may_compute(const Expression& value, std::span<const Column> columns,
                                         const Capabilities& capabilities);
/// The same for an operation on the value of an expression.
std::expected<void, Refusal> may_apply(Operation operation, const Expression& value, std::span<const Column> columns,
                                       const Capabilities& capabilities);

/// The display form of a predicate for `pushdown_summary`, constants as `$1`, `$2` …: "region = $1".
/// `next_parameter` counts on over the filters of one scan and starts at 1.
std::string display(const Expression& predicate, std::span<const Column> columns, int& next_parameter);

}  // namespace weir::plan
