#include "plan/value.h"

#include <algorithm>

#include "plan/capabilities.h"

namespace weir::plan {
namespace {

bool is_integer(Kind kind) {
  return kind == Kind::int16 || kind == Kind::int32 || kind == Kind::int64 || kind == Kind::uint32;
}

/// Digits before and behind the point that a value of the type may have.
struct Digits {
  int whole;
  int scale;
};

Digits digits_of(const Type& type) {
  switch (type.kind) {
    case Kind::int16:
      return {5, 0};
    case Kind::int32:
    case Kind::uint32:
      return {10, 0};
    case Kind::int64:
      return {19, 0};
    default:
      return {type.precision - type.scale, type.scale};
  }
}

Digits digits_of(const Expression& value, std::span<const Column> columns);

/// What the result of exact arithmetic may have before anybody asks whether it fits.
Digits result_digits(const Call& call, std::span<const Column> columns) {
  const auto left = digits_of(*call.arguments.front(), columns);
  const auto right = digits_of(*call.arguments.back(), columns);
  switch (call.function) {
    case Function::add:
    case Function::subtract:
      return {std::max(left.whole, right.whole) + 1, std::max(left.scale, right.scale)};
    case Function::multiply:
      return {left.whole + right.whole, left.scale + right.scale};
    default:
      return left;
  }
}

bool is_arithmetic(Function function) { return function <= Function::absolute; }

/// Of a constant those that it has, and not those that its type could have.
Digits digits_of(const Expression& value, std::span<const Column> columns) {
  const auto of_type = digits_of(value_type(value, columns));
  if (const auto* call = std::get_if<Call>(&value.node); call != nullptr && is_arithmetic(call->function)) {
    return {std::min(of_type.whole, result_digits(*call, columns).whole), of_type.scale};
  }
  const auto* constant = std::get_if<Constant>(&value.node);
  const auto* text = constant == nullptr ? nullptr : std::get_if<std::string>(&constant->value);
  if (text == nullptr) return of_type;
  const auto point = std::min(text->find('.'), text->size());
  const auto whole = point - (text->starts_with('-') ? 1 : 0);
  return {static_cast<int>(whole), static_cast<int>(text->size() - std::min(point + 1, text->size()))};
}

}  // namespace

Type value_type(const Expression& value, std::span<const Column> columns) {
  if (const auto* ref = std::get_if<ColumnRef>(&value.node)) return columns[ref->index].type;
  if (const auto* constant = std::get_if<Constant>(&value.node)) return constant->type;
  if (const auto* call = std::get_if<Call>(&value.node)) return call->type;
  if (const auto* choice = std::get_if<Case>(&value.node)) return choice->type;
  return {Kind::boolean, 0, 0, {}};
}

Column value_column(const Expression& value, std::span<const Column> columns) {
  if (const auto* ref = std::get_if<ColumnRef>(&value.node)) return columns[ref->index];
  Column column;
  int parameter = 1;
  column.name = display(value, columns, parameter);
  column.is_computed = true;
  column.type = value_type(value, columns);
  const bool is_text = column.type.kind == Kind::text;
  column.collation = is_text ? Collation::deterministic : Collation::not_text;
  column.source_type = is_text ? "text" : to_string(column.type);
  return column;
}

bool may_overflow(const Call& call, std::span<const Column> columns) {
  if (call.type.kind != Kind::decimal || !is_arithmetic(call.function)) return false;
  return result_digits(call, columns).whole > digits_of(call.type).whole;
}

bool may_fail(const Call& call, std::span<const Column> columns) {
  if (call.function == Function::date_trunc) return true;
  return is_arithmetic(call.function) && (is_integer(call.type.kind) || may_overflow(call, columns));
}

}  // namespace weir::plan
