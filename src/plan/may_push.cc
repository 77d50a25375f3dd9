/// The one place that decides what a source may evaluate: only what is proven to give DuckDB's own result.
#include <algorithm>
#include <array>
#include <cstdint>

#include "plan/capabilities.h"
#include "plan/value.h"

namespace weir::plan {
namespace {

using Verdict = std::expected<void, Refusal>;

Verdict refuse(std::string reason) { return std::unexpected(std::move(reason)); }

std::string_view name_of(Operation operation) {
  switch (operation) {
    case Operation::equality:
      return "equality";
    case Operation::ordering:
      return "ordering";
    case Operation::null_test:
      return "a NULL test";
    case Operation::pattern:
      return "LIKE";
    case Operation::grouping:
      return "grouping";
    case Operation::extreme:
      return "MIN and MAX";
    case Operation::sum:
      return "SUM";
    case Operation::choice:
      return "CASE and coalesce";
  }
  return "an operation";
}

bool is_exact_number(Kind kind) {
  return kind == Kind::int16 || kind == Kind::int32 || kind == Kind::int64 || kind == Kind::uint32 ||
         kind == Kind::decimal;
}

bool comparable(const Type& left, const Type& right) {
  return left.kind == right.kind || (is_exact_number(left.kind) && is_exact_number(right.kind));
}

/// The units that a source truncates to; DuckDB knows more.
constexpr std::array<std::string_view, 8> kUnits = {"year", "quarter", "month",  "week",
                                                    "day",  "hour",    "minute", "second"};

/// What `call` is told besides its values.
const Constant* constant_of(const Expression& value) { return std::get_if<Constant>(&value.node); }

bool is_between(const Expression& value, int64_t least, int64_t most) {
  const auto* constant = constant_of(value);
  const auto* number = constant == nullptr ? nullptr : std::get_if<int64_t>(&constant->value);
  return number != nullptr && *number >= least && *number <= most;
}

/// Moments of the years 1 to 9999, which every source can hold; of other kinds all values.
bool is_everywhere(const Constant& constant) {
  const auto kind = constant.type.kind;
  if (kind != Kind::date && kind != Kind::timestamp && kind != Kind::timestamptz) return true;
  const auto* text = std::get_if<std::string>(&constant.value);
  return text != nullptr && text->size() >= 10 && (*text)[4] == '-' && !text->contains("(BC)");
}

class Judge {
 public:
  /// `errors_pass`: what may fail is computed for the same rows there and here. A condition may be asked of rows that
  /// another one would have left out.
  Judge(std::span<const Column> columns, const Capabilities& capabilities, bool errors_pass)
      : columns_(columns), capabilities_(capabilities), errors_pass_(errors_pass) {}

  Verdict predicate(const Expression& expression) const {
    return std::visit([this](const auto& node) { return judge(node); }, expression.node);
  }

  Verdict value(const Expression& expression) const {
    if (const auto* ref = std::get_if<ColumnRef>(&expression.node)) return carried(*ref);
    if (const auto* constant = constant_of(expression)) return judge_constant(*constant);
    if (const auto* call = std::get_if<Call>(&expression.node)) return judge_call(*call);
    if (const auto* choice = std::get_if<Case>(&expression.node)) return judge_case(*choice);
    return predicate(expression);
  }

  Verdict applied(Operation operation, const Expression& expression) const {
    if (constant_of(expression) != nullptr) return refuse(std::string(name_of(operation)) + " of a constant");
    if (const auto* ref = std::get_if<ColumnRef>(&expression.node)) {
      if (ref->index >= columns_.size()) return refuse("the column is not part of the table");
      return trusted(columns_[ref->index], operation);
    }
    if (auto verdict = value(expression); !verdict) return verdict;
    return trusted(value_column(expression, columns_), operation);
  }

 private:
  Verdict judge(const ColumnRef& ref) const {
    if (ref.index < columns_.size() && columns_[ref.index].type.kind != Kind::boolean) {
      return refuse("column " + columns_[ref.index].name + " is not a condition");
    }
    return applied(Operation::equality, Expression{ref});
  }
  Verdict judge(const Constant&) const { return refuse("a constant condition needs no source"); }
  Verdict judge(const Call& call) const { return condition(call.type, Expression{call}); }
  Verdict judge(const Case& choice) const { return condition(choice.type, Expression{choice}); }

  Verdict condition(const Type& type, const Expression& expression) const {
    if (type.kind != Kind::boolean) return refuse("a value of type " + to_string(type) + " is not a condition");
    return applied(Operation::equality, expression);
  }

  Verdict judge(const Compare& compare) const {
    const bool ordering = compare.op >= Comparison::less && compare.op <= Comparison::greater_or_equal;
    const auto operation = ordering ? Operation::ordering : Operation::equality;
    const auto* left = constant_of(*compare.left);
    const auto* right = constant_of(*compare.right);
    if (left != nullptr && right != nullptr) return refuse("a constant condition needs no source");
    for (const auto* side : {&compare.left, &compare.right}) {
      const auto* constant = constant_of(**side);
      if (constant != nullptr && constant->is_null()) return refuse("a comparison with NULL needs no source");
      auto verdict = constant != nullptr ? judge_constant(*constant) : applied(operation, **side);
      if (!verdict) return verdict;
    }
    return same_types(value_type(*compare.left, columns_), value_type(*compare.right, columns_));
  }

  Verdict judge(const In& in) const {
    if (auto verdict = applied(Operation::equality, *in.input); !verdict) return verdict;
    if (in.values.empty()) return refuse("an empty IN list needs no source");
    if (in.values.size() > capabilities_.in_list_length_max) {
      return refuse("IN list of " + std::to_string(in.values.size()) + " values is longer than the source takes (" +
                    std::to_string(capabilities_.in_list_length_max) + ")");
    }
    const auto type = value_type(*in.input, columns_);
    for (const auto& value : in.values) {
      if (value.is_null()) continue;  // has no value that could differ, and takes the type of the column
      if (auto verdict = judge_constant(value); !verdict) return verdict;
      if (auto verdict = same_types(type, value.type); !verdict) return verdict;
    }
    return {};
  }

  Verdict judge(const IsNull& test) const { return applied(Operation::null_test, *test.input); }

  Verdict judge(const Like& like) const {
    if (like.pattern.find('\0') != std::string::npos) return refuse("the pattern holds a zero byte");
    return applied(Operation::pattern, *like.input);
  }

  Verdict judge(const And& node) const { return all(node.children); }
  Verdict judge(const Or& node) const { return all(node.children); }
  Verdict judge(const Not& node) const { return predicate(*node.child); }

  /// AND, OR and NOT have the same three-valued logic everywhere, so a tree is as good as its parts. It is taken whole:
  /// half an OR would drop rows.
  Verdict all(const std::vector<ExpressionPtr>& children) const {
    if (children.empty()) return refuse("an empty condition needs no source");
    for (const auto& child : children) {
      if (auto verdict = predicate(*child); !verdict) return verdict;
    }
    return {};
  }

  Verdict judge_call(const Call& call) const {
    const std::string name(to_string(call.function));
    if (!errors_pass_ && may_fail(call, columns_)) {
      return refuse(name + " can fail, and a source may ask it of rows that it is not asked of here");
    }
    if (call.function == Function::coalesce) return chosen(call.arguments);
    auto values = std::span(call.arguments);
    if (call.function == Function::substring) {
      constexpr int64_t kMost = INT32_MAX;
      if (!is_between(*values[1], 1, kMost) || !is_between(*values[2], 0, kMost)) {
        return refuse("substring is pushed with a constant first character from 1 on and a constant length only");
      }
      values = values.first(1);
    } else if (call.function == Function::date_trunc) {
      const auto* unit = constant_of(*values[0]);
      const auto* text = unit == nullptr ? nullptr : std::get_if<std::string>(&unit->value);
      if (text == nullptr || std::ranges::find(kUnits, *text) == kUnits.end()) {
        return refuse("date_trunc is pushed with a constant unit from year to second only");
      }
      values = values.last(1);
    }
    for (const auto& argument : values) {
      if (auto verdict = value(*argument); !verdict) return verdict;
      const auto kind = value_type(*argument, columns_).kind;
      const auto proven = [&](const FunctionRule& rule) { return rule.function == call.function && rule.kind == kind; };
      if (std::ranges::none_of(capabilities_.functions, proven)) {
        return refuse(name + " of " + std::string(to_string(kind)) + " is not proven equal on the source");
      }
      if (auto verdict = text_by_bytes(*argument); !verdict) return verdict;
    }
    return {};
  }

  Verdict judge_case(const Case& choice) const {
    for (const auto& condition : choice.conditions) {
      if (auto verdict = Judge(columns_, capabilities_, false).predicate(*condition); !verdict) return verdict;
    }
    if (auto verdict = chosen(choice.values); !verdict) return verdict;
    return chosen({choice.otherwise});
  }

  Verdict chosen(const std::vector<ExpressionPtr>& values) const {
    for (const auto& one : values) {
      const auto* constant = constant_of(*one);
      if (constant != nullptr && constant->is_null()) continue;
      if (constant != nullptr && !is_everywhere(*constant)) return refuse("a moment that not every calendar has");
      if (auto verdict = value(*one); !verdict) return verdict;
      if (auto verdict = trusted(value_column(*one, columns_), Operation::choice); !verdict) return verdict;
    }
    return {};
  }

  Verdict carried(const ColumnRef& ref) const {
    if (ref.index >= columns_.size()) return refuse("the column is not part of the table");
    const auto& column = columns_[ref.index];
    if (!column.cast_to_text) return {};
    return refuse("column " + column.name + " (" + column.source_type + ") is carried as text");
  }

  Verdict trusted(const Column& column, Operation operation) const {
    // Asks nothing of the value: neither how it travels nor how it compares matters.
    const bool tests_null = operation == Operation::null_test;
    if (column.cast_to_text && !tests_null) {
      return refuse("column " + column.name + " (" + column.source_type + ") is carried as text");
    }
    const auto kind = column.type.kind;
    const auto is_listed = [&](const Rule& rule) { return rule.kind == kind && rule.operation == operation; };
    if (std::ranges::none_of(capabilities_.rules, is_listed)) {
      return refuse(std::string(name_of(operation)) + " on " + to_string(column.type) + " column " + column.name +
                    " is not proven equal on the source");
    }
    return tests_null ? Verdict() : by_bytes(column);
  }

  Verdict text_by_bytes(const Expression& value) const {
    const auto* ref = std::get_if<ColumnRef>(&value.node);
    return ref == nullptr ? Verdict() : by_bytes(columns_[ref->index]);
  }

  Verdict by_bytes(const Column& column) const {
    if (column.type.kind != Kind::text) return {};
    if (!capabilities_.text_is_utf8) return refuse("text of the source is not known to be UTF-8");
    if (column.collation != Collation::deterministic) {
      return refuse("column " + column.name + " (" + column.source_type + ") compares by a nondeterministic collation");
    }
    return {};
  }

  static Verdict judge_constant(const Constant& constant) {
    const auto* text = std::get_if<std::string>(&constant.value);
    const bool holds_zero = text != nullptr && text->find('\0') != std::string::npos;
    if (holds_zero && constant.type.kind != Kind::binary) return refuse("the text constant holds a zero byte");
    return {};
  }

  static Verdict same_types(const Type& left, const Type& right) {
    if (comparable(left, right)) return {};
    return refuse("comparing " + to_string(left) + " with " + to_string(right) + " is not exact on the source");
  }

  std::span<const Column> columns_;
  const Capabilities& capabilities_;
  bool errors_pass_;
};

}  // namespace

std::expected<void, Refusal> may_push(const Expression& predicate, std::span<const Column> columns,
                                      const Capabilities& capabilities) {
  return Judge(columns, capabilities, false).predicate(predicate);
}

std::expected<void, Refusal> may_compute(const Expression& value, std::span<const Column> columns,
                                         const Capabilities& capabilities) {
  return Judge(columns, capabilities, true).value(value);
}

std::expected<void, Refusal> may_apply(Operation operation, const Expression& value, std::span<const Column> columns,
                                       const Capabilities& capabilities) {
  return Judge(columns, capabilities, true).applied(operation, value);
}

}  // namespace weir::plan
