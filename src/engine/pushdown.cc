#include "engine/pushdown.h"

#include <algorithm>

#include <duckdb/common/types/timestamp.hpp>
#include <duckdb/planner/expression/bound_between_expression.hpp>
#include <duckdb/planner/expression/bound_cast_expression.hpp>
#include <duckdb/planner/expression/bound_columnref_expression.hpp>
#include <duckdb/planner/expression/bound_comparison_expression.hpp>
#include <duckdb/planner/expression/bound_conjunction_expression.hpp>
#include <duckdb/planner/expression/bound_constant_expression.hpp>
#include <duckdb/planner/expression/bound_function_expression.hpp>
#include <duckdb/planner/expression/bound_operator_expression.hpp>
#include <duckdb/planner/expression_iterator.hpp>

#include "engine/function_translation.h"
#include "engine/remote_types.h"

namespace weir::engine {
namespace {

using duckdb::Expression;
using duckdb::ExpressionClass;
using duckdb::ExpressionType;
using duckdb::LogicalType;
using duckdb::LogicalTypeId;
using plan::Comparison;
using plan::ExpressionPtr;
using Translation = std::expected<ExpressionPtr, plan::Refusal>;

std::unexpected<plan::Refusal> refuse(std::string reason) { return std::unexpected(std::move(reason)); }

/// How many digits every value of an integer type fits into; 0 for other types.
int integer_digits(const LogicalType& type) {
  switch (type.id()) {
    case LogicalTypeId::SMALLINT:
      return 5;
    case LogicalTypeId::INTEGER:
    case LogicalTypeId::UINTEGER:
      return 10;
    case LogicalTypeId::BIGINT:
      return 19;
    default:
      return 0;
  }
}

int integer_bits(const LogicalType& type) {
  switch (type.id()) {
    case LogicalTypeId::SMALLINT:
      return 16;
    case LogicalTypeId::INTEGER:
      return 32;
    case LogicalTypeId::UINTEGER:
      return 33;
    case LogicalTypeId::BIGINT:
      return 64;
    case LogicalTypeId::HUGEINT:
      return 128;
    default:
      return 0;
  }
}

/// Whether a cast can neither fail nor change a value, so that the source may compare without it.
bool is_exact_widening(const LogicalType& from, const LogicalType& to) {
  if (to.id() == LogicalTypeId::DECIMAL) {
    const int scale = duckdb::DecimalType::GetScale(to);
    const int whole = duckdb::DecimalType::GetWidth(to) - scale;
    if (from.id() != LogicalTypeId::DECIMAL) return integer_digits(from) > 0 && whole >= integer_digits(from);
    const int from_scale = duckdb::DecimalType::GetScale(from);
    return scale >= from_scale && whole >= duckdb::DecimalType::GetWidth(from) - from_scale;
  }
  return integer_bits(from) > 0 && integer_bits(to) >= integer_bits(from);
}

bool is_date_as_moment(const Expression& expression) {
  if (expression.GetExpressionClass() != ExpressionClass::BOUND_CAST) return false;
  const auto& cast = expression.Cast<duckdb::BoundCastExpression>();
  return cast.child->return_type == LogicalType::DATE && cast.return_type == LogicalType::TIMESTAMP;
}

/// The day of a constant TIMESTAMP at midnight.
std::optional<duckdb::date_t> day_beginning_at(const Expression& expression) {
  if (expression.GetExpressionClass() != ExpressionClass::BOUND_CONSTANT) return {};
  const auto& value = expression.Cast<duckdb::BoundConstantExpression>().value;
  if (value.IsNull() || value.type() != LogicalType::TIMESTAMP) return {};
  const auto moment = duckdb::TimestampValue::Get(value);
  if (!duckdb::Value::IsFinite(moment) || duckdb::Timestamp::GetTime(moment).micros != 0) return {};
  return duckdb::Timestamp::GetDate(moment);
}

class Translator {
 public:
  explicit Translator(const ColumnOf& column_of) : column_of_(column_of) {}

  /// A predicate or a value, exact casts taken away.
  Translation any(const Expression& expression) const {
    switch (expression.GetExpressionClass()) {
      case ExpressionClass::BOUND_COMPARISON:
        return comparison(expression);
      case ExpressionClass::BOUND_BETWEEN:
        return between(expression);
      case ExpressionClass::BOUND_CONJUNCTION:
        return conjunction(expression);
      case ExpressionClass::BOUND_OPERATOR:
        return operation(expression);
      case ExpressionClass::BOUND_FUNCTION:
        return function(expression);
      case ExpressionClass::BOUND_CASE:
        return translate_case(expression, part());
      default:
        return leaf(expression);
    }
  }

 private:
  TranslatePart part() const {
    return [this](const Expression& one) { return any(one); };
  }

  Translation leaf(const Expression& expression) const;

  Translation comparison(const Expression& expression) const {
    const auto& compare = expression.Cast<duckdb::BoundComparisonExpression>();
    const auto op = comparison_of(compare.GetExpressionType());
    if (!op) return refuse(duckdb::ExpressionTypeToOperator(compare.GetExpressionType()) + " is not pushed yet");
    return compare_operands(*op, *compare.left, *compare.right);
  }

  Translation compare_operands(Comparison op, const Expression& left, const Expression& right) const {
    auto first = beside(left, right);
    if (!first) return first;
    auto second = beside(right, left);
    if (!second) return second;
    return plan::make(plan::Compare{op, *first, *second});
  }

  /// `value` as it is compared with `other`: a date and the beginning of a day are compared as dates.
  Translation beside(const Expression& value, const Expression& other) const {
    if (is_date_as_moment(value) && day_beginning_at(other)) {
      return any(*value.Cast<duckdb::BoundCastExpression>().child);
    }
    const auto day = is_date_as_moment(other) ? day_beginning_at(value) : std::nullopt;
    return day ? plan::make(to_constant(duckdb::Value::DATE(*day)).value()) : any(value);
  }

  Translation between(const Expression& expression) const {
    const auto& node = expression.Cast<duckdb::BoundBetweenExpression>();
    const auto lower = node.lower_inclusive ? Comparison::greater_or_equal : Comparison::greater;
    const auto upper = node.upper_inclusive ? Comparison::less_or_equal : Comparison::less;
    auto above = compare_operands(lower, *node.input, *node.lower);
    if (!above) return above;
    auto below = compare_operands(upper, *node.input, *node.upper);
    if (!below) return below;
    return plan::make(plan::And{{*above, *below}});
  }

  Translation conjunction(const Expression& expression) const {
    const auto& node = expression.Cast<duckdb::BoundConjunctionExpression>();
    std::vector<ExpressionPtr> children;
    for (const auto& child : node.children) {
      auto translated = any(*child);
      if (!translated) return translated;
      children.push_back(*translated);
    }
    if (node.GetExpressionType() == ExpressionType::CONJUNCTION_AND) return plan::make(plan::And{std::move(children)});
    return plan::make(plan::Or{std::move(children)});
  }

  Translation operation(const Expression& expression) const {
    const auto& node = expression.Cast<duckdb::BoundOperatorExpression>();
    switch (node.GetExpressionType()) {
      case ExpressionType::OPERATOR_NOT: {
        auto child = any(*node.children[0]);
        if (!child) return child;
        return plan::make(plan::Not{*child});
      }
      case ExpressionType::OPERATOR_IS_NULL:
      case ExpressionType::OPERATOR_IS_NOT_NULL: {
        auto input = any(*node.children[0]);
        if (!input) return input;
        return plan::make(plan::IsNull{*input, node.GetExpressionType() == ExpressionType::OPERATOR_IS_NOT_NULL});
      }
      case ExpressionType::COMPARE_IN:
      case ExpressionType::COMPARE_NOT_IN:
        return in_list(node);
      case ExpressionType::OPERATOR_COALESCE:
        return translate_call(expression, part());
      default:
        return refuse(duckdb::ExpressionTypeToString(node.GetExpressionType()) + " is not pushed yet");
    }
  }

  Translation in_list(const duckdb::BoundOperatorExpression& node) const {
    auto input = any(*node.children[0]);
    if (!input) return input;
    plan::In in{*input, {}, node.GetExpressionType() == ExpressionType::COMPARE_NOT_IN};
    for (size_t i = 1; i < node.children.size(); ++i) {
      auto value = any(*node.children[i]);
      if (!value) return value;
      const auto* constant = std::get_if<plan::Constant>(&(*value)->node);
      if (constant == nullptr) return refuse("IN over columns is not pushed yet");
      in.values.push_back(*constant);
    }
    return plan::make(std::move(in));
  }

  Translation function(const Expression& expression) const {
    const auto& call = expression.Cast<duckdb::BoundFunctionExpression>();
    const auto& name = call.function.name;
    struct Form {
      std::string_view name;
      plan::Match match;
      bool negated;
    };
    static constexpr Form kForms[] = {
        {"~~", plan::Match::like, false},           {"!~~", plan::Match::like, true},
        {"prefix", plan::Match::prefix, false},     {"suffix", plan::Match::suffix, false},
        {"contains", plan::Match::contains, false}, {"starts_with", plan::Match::prefix, false},
        {"ends_with", plan::Match::suffix, false}};
    const auto* form = std::ranges::find(kForms, name, &Form::name);
    const bool text = call.children.size() == 2 && call.children[0]->return_type.id() == LogicalTypeId::VARCHAR;
    if (form == std::end(kForms) || !text) return translate_call(expression, part());
    auto input = any(*call.children[0]);
    if (!input) return input;
    auto pattern = any(*call.children[1]);
    if (!pattern) return pattern;
    const auto* constant = std::get_if<plan::Constant>(&(*pattern)->node);
    const auto* value = constant == nullptr ? nullptr : std::get_if<std::string>(&constant->value);
    if (value == nullptr) return refuse("LIKE is pushed with a constant pattern only");
    return plan::make(plan::Like{*input, form->match, *value, form->negated});
  }

  const ColumnOf& column_of_;
};

Translation Translator::leaf(const Expression& expression) const {
  switch (expression.GetExpressionClass()) {
    case ExpressionClass::BOUND_COLUMN_REF:
    case ExpressionClass::BOUND_REF: {
      const auto index = column_of_(expression);
      if (!index) return refuse("it reads more than this table, or what is computed here");
      return plan::make(plan::ColumnRef{*index});
    }
    case ExpressionClass::BOUND_CONSTANT: {
      const auto& value = expression.Cast<duckdb::BoundConstantExpression>().value;
      auto constant = to_constant(value);
      if (!constant) return refuse("a constant of type " + value.type().ToString() + " is not pushed yet");
      return plan::make(std::move(*constant));
    }
    case ExpressionClass::BOUND_CAST: {
      const auto& cast = expression.Cast<duckdb::BoundCastExpression>();
      const auto& from = cast.child->return_type;
      if (is_exact_widening(from, cast.return_type)) return any(*cast.child);
      return refuse("a cast from " + from.ToString() + " to " + cast.return_type.ToString() + " is not proven exact");
    }
    case ExpressionClass::BOUND_PARAMETER:
      return refuse("the parameter has no value yet");
    case ExpressionClass::BOUND_SUBQUERY:
      return refuse("subqueries are not pushed yet");
    default:
      return refuse(duckdb::ExpressionClassToString(expression.GetExpressionClass()) + " is not pushed yet");
  }
}

void hide_constants(duckdb::unique_ptr<Expression>& expression, int& next_parameter) {
  if (expression->GetExpressionClass() == ExpressionClass::BOUND_CONSTANT) {
    auto shown = "$" + std::to_string(next_parameter++);
    expression =
        duckdb::make_uniq<duckdb::BoundColumnRefExpression>(shown, expression->return_type, duckdb::ColumnBinding());
    return;
  }
  duckdb::ExpressionIterator::EnumerateChildren(
      *expression, [&](duckdb::unique_ptr<Expression>& child) { hide_constants(child, next_parameter); });
}

/// `(a = $1)` → `a = $1`, when the parentheses belong together.
std::string without_outer_parentheses(std::string text) {
  if (!text.starts_with('(') || !text.ends_with(')')) return text;
  int depth = 0;
  for (size_t i = 0; i + 1 < text.size(); ++i) {
    depth += text[i] == '(' ? 1 : text[i] == ')' ? -1 : 0;
    if (depth == 0) return text;
  }
  return text.substr(1, text.size() - 2);
}

}  // namespace

std::expected<ExpressionPtr, plan::Refusal> translate(const Expression& expression, const ColumnOf& column_of) {
  if (expression.IsVolatile()) return refuse("an expression that changes from call to call is never pushed");
  return Translator(column_of).any(expression);
}

std::optional<Comparison> comparison_of(ExpressionType type) {
  switch (type) {
    case ExpressionType::COMPARE_EQUAL:
      return Comparison::equal;
    case ExpressionType::COMPARE_NOTEQUAL:
      return Comparison::not_equal;
    case ExpressionType::COMPARE_LESSTHAN:
      return Comparison::less;
    case ExpressionType::COMPARE_LESSTHANOREQUALTO:
      return Comparison::less_or_equal;
    case ExpressionType::COMPARE_GREATERTHAN:
      return Comparison::greater;
    case ExpressionType::COMPARE_GREATERTHANOREQUALTO:
      return Comparison::greater_or_equal;
    case ExpressionType::COMPARE_DISTINCT_FROM:
      return Comparison::distinct;
    case ExpressionType::COMPARE_NOT_DISTINCT_FROM:
      return Comparison::not_distinct;
    default:
      return {};
  }
}

std::string display_residual(const Expression& predicate, int& next_parameter) {
  auto shown = predicate.Copy();
  hide_constants(shown, next_parameter);
  return without_outer_parentheses(shown->ToString());
}

}  // namespace weir::engine
