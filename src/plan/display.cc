/// Predicates as people read them in `pushdown_summary`: columns by name, constants as $1, $2 …
#include <algorithm>
#include <array>
#include <cctype>

#include "plan/capabilities.h"

namespace weir::plan {
namespace {

/// A list longer than this is shown by its first and last parameter only.
constexpr size_t kListShownMax = 5;

template <typename... Cases>
struct Overload : Cases... {
  using Cases::operator()...;
};

std::string column_name(const Column& column) {
  const auto& name = column.name;
  const bool plain =
      !name.empty() && !std::isdigit(static_cast<unsigned char>(name[0])) &&
      std::ranges::all_of(name, [](unsigned char c) { return std::islower(c) || std::isdigit(c) || c == '_'; });
  if (plain || column.is_computed) return name;
  std::string quoted = "\"";
  for (const char c : name) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

class Display {
 public:
  Display(std::span<const Column> columns, int& next_parameter) : columns_(columns), next_parameter_(next_parameter) {}

  std::string whole(const Expression& expression) { return show(expression, false); }

 private:
  /// `inner`: the text stands inside a larger one, so AND and OR need parentheses.
  std::string show(const Expression& expression, bool inner) {
    return std::visit(
        Overload{
            [&](const ColumnRef& ref) {
              return ref.index < columns_.size() ? column_name(columns_[ref.index]) : std::string("?");
            },
            [&](const Constant&) { return parameter(); },
            [&](const Compare& compare) {
              auto left = show(*compare.left, true);
              return left + " " + std::string(to_string(compare.op)) + " " + show(*compare.right, true);
            },
            [&](const In& in) {
              auto input = show(*in.input, true);
              return input + (in.negated ? " NOT IN (" : " IN (") + list(in.values.size()) + ")";
            },
            [&](const IsNull& test) { return show(*test.input, true) + (test.negated ? " IS NOT NULL" : " IS NULL"); },
            [&](const Like& like) { return show_like(like); },
            [&](const And& node) { return join(node.children, " AND ", inner); },
            [&](const Or& node) { return join(node.children, " OR ", inner); },
            [&](const Not& node) { return "NOT (" + show(*node.child, false) + ")"; },
            [&](const Call& call) { return show_call(call, inner); },
            [&](const Case& choice) { return show_case(choice); },
        },
        expression.node);
  }

  std::string show_like(const Like& like) {
    auto text = show(*like.input, true) + (like.negated ? " NOT LIKE " : " LIKE ");
    const bool open_start = like.match == Match::suffix || like.match == Match::contains;
    const bool open_end = like.match == Match::prefix || like.match == Match::contains;
    return text + (open_start ? "'%' || " : "") + parameter() + (open_end ? " || '%'" : "");
  }

  std::string show_call(const Call& call, bool inner) {
    const std::string name(to_string(call.function));
    if (call.function == Function::negate) return name + show(*call.arguments[0], true);
    if (is_operator(call.function)) return join(call.arguments, " " + name + " ", inner);
    std::string all;
    for (const auto& argument : call.arguments) all += (all.empty() ? "" : ", ") + show(*argument, false);
    return name + "(" + all + ")";
  }

  std::string show_case(const Case& choice) {
    std::string text = "CASE";
    for (size_t i = 0; i < choice.conditions.size(); ++i) {
      text += " WHEN " + show(*choice.conditions[i], false);
      text += " THEN " + show(*choice.values[i], true);
    }
    return text + " ELSE " + show(*choice.otherwise, true) + " END";
  }

  static bool is_operator(Function function) { return function <= Function::multiply; }

  std::string join(const std::vector<ExpressionPtr>& children, std::string_view between, bool inner) {
    std::string all;
    for (const auto& child : children) {
      if (!all.empty()) all += between;
      all += show(*child, true);
    }
    return inner ? "(" + all + ")" : all;
  }

  std::string list(size_t count) {
    if (count > kListShownMax) {
      auto first = parameter();
      next_parameter_ += static_cast<int>(count) - 2;
      return first + " … " + parameter();
    }
    std::string all;
    for (size_t i = 0; i < count; ++i) all += (i == 0 ? "" : ", ") + parameter();
    return all;
  }

  std::string parameter() { return "$" + std::to_string(next_parameter_++); }

  std::span<const Column> columns_;
  int& next_parameter_;
};

}  // namespace

std::string_view to_string(Comparison op) {
  static constexpr std::array<std::string_view, 8> kTexts = {
      "=", "!=", "<", "<=", ">", ">=", "IS DISTINCT FROM", "IS NOT DISTINCT FROM"};
  return kTexts[static_cast<size_t>(op)];
}

std::string_view to_string(Function function) {
  static constexpr std::array<std::string_view, 15> kNames = {
      "+",    "-",       "*",     "-",   "abs",  "coalesce", "length",    "substring",
      "year", "quarter", "month", "day", "hour", "minute",   "date_trunc"};
  static_assert(kNames.size() == static_cast<size_t>(Function::date_trunc) + 1);
  return kNames[static_cast<size_t>(function)];
}

std::string display(const Expression& predicate, std::span<const Column> columns, int& next_parameter) {
  return Display(columns, next_parameter).whole(predicate);
}

}  // namespace weir::plan
