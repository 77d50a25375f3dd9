/// Each rule here answers one question: what gives DuckDB's result on PostgreSQL, and can still use an index?
#include "connectors/postgres/expression_renderer.h"

#include <utility>
#include <vector>

#include <fmt/format.h>

#include "connectors/postgres/postgres_dialect.h"
#include "plan/value.h"

namespace weir::postgres {
namespace {

using plan::Comparison;
using plan::Constant;
using plan::Kind;

/// The order of DuckDB.
constexpr std::string_view kByBytes = " COLLATE \"C\"";

std::string_view sql_operator(Comparison op) { return op == Comparison::not_equal ? "<>" : plan::to_string(op); }

bool is_ordering(Comparison op) { return op >= Comparison::less && op <= Comparison::greater_or_equal; }

/// `a op b` as `b op a`.
Comparison flipped(Comparison op) {
  switch (op) {
    case Comparison::less:
      return Comparison::greater;
    case Comparison::less_or_equal:
      return Comparison::greater_or_equal;
    case Comparison::greater:
      return Comparison::less;
    case Comparison::greater_or_equal:
      return Comparison::less_or_equal;
    default:
      return op;
  }
}

/// Enums, names and domains compare as their text; for text itself the cast would only be noise.
bool is_plain_text(const plan::Column& column) {
  return column.source_type == "text" || column.source_type.starts_with("character varying");
}

/// PostgreSQL writes the names of its own types without a schema, and all others with theirs (search_path is
/// pg_catalog).
bool is_user_defined(const plan::Column& column) { return column.source_type.find('.') != std::string::npos; }

/// False, or NULL where the operand is NULL.
std::string never(const std::string& operand) { return fmt::format("{0} <> {0}", operand); }
std::string always(const std::string& operand) { return fmt::format("{0} = {0}", operand); }

/// `text` as a LIKE pattern that matches it literally, under PostgreSQL's default escape character.
std::string escaped_pattern(std::string_view text) {
  std::string pattern;
  for (char c : text) {
    if (c == '%' || c == '_' || c == '\\') pattern += '\\';
    pattern += c;
  }
  return pattern;
}

std::string like_pattern(const plan::Like& like) {
  switch (like.match) {
    case plan::Match::like:
      break;
    case plan::Match::prefix:
      return escaped_pattern(like.pattern) + "%";
    case plan::Match::suffix:
      return "%" + escaped_pattern(like.pattern);
    case plan::Match::contains:
      return "%" + escaped_pattern(like.pattern) + "%";
  }
  return like.pattern;
}

/// PostgreSQL knows no operator between oid and other integers that cannot fail.
const ConstantType& constant_type_beside(Kind column, Kind constant) {
  bool widen = constant == Kind::uint32 && column != Kind::uint32;
  return constant_type(widen ? Kind::int64 : constant);
}

}  // namespace

std::string ExpressionRenderer::render(const plan::Expression& expression) const {
  return std::visit([this](const auto& node) { return render_node(node); }, expression.node);
}

Kind ExpressionRenderer::kind_of(const plan::Expression& value) const { return plan::value_type(value, columns_).kind; }

std::string ExpressionRenderer::operand(const plan::Expression& value, Kind other) const {
  const auto* ref = std::get_if<plan::ColumnRef>(&value.node);
  if (ref == nullptr) {
    const bool is_closed =
        std::holds_alternative<plan::Call>(value.node) || std::holds_alternative<plan::Case>(value.node);
    return is_closed ? render(value) : "(" + render(value) + ")";
  }
  const plan::Column& facts = columns_[ref->index];
  std::string name = texts_[ref->index];
  if (facts.type.kind == Kind::text && !is_plain_text(facts)) return name + "::text";
  if (facts.type.kind == Kind::uint32 && other != Kind::uint32) return name + "::int8";
  return name;
}

std::string ExpressionRenderer::compared(const plan::Expression& value) const {
  const Kind kind = kind_of(value);
  return kind == Kind::text ? operand(value, kind) + std::string(kByBytes) : operand(value, kind);
}

/// A value as one of another numeric kind, or a NULL of that kind.
std::string ExpressionRenderer::as_kind(const plan::Expression& value, Kind kind) const {
  const ConstantType& type = constant_type(kind);
  if (const auto* constant = std::get_if<Constant>(&value.node)) return place(*constant, type);
  auto text = operand(value, kind);
  return kind_of(value) == kind ? text : fmt::format("{}::{}", text, type.name);
}

std::string ExpressionRenderer::place(const Constant& constant, const ConstantType& type) const {
  return place_(
      {type.type_oid, std::string(type.name), constant.is_null() ? "" : constant_text(constant), constant.is_null()});
}

std::string ExpressionRenderer::render_node(const plan::ColumnRef& ref) const { return texts_[ref.index]; }

std::string ExpressionRenderer::render_node(const Constant& constant) const {
  return place(constant, constant_type(constant.type.kind));
}

std::string ExpressionRenderer::render_node(const plan::Compare& compare) const {
  const auto* left = std::get_if<Constant>(&compare.left->node);
  const auto* right = std::get_if<Constant>(&compare.right->node);
  if (right != nullptr) return compare_constant(compare.op, *compare.left, *right);
  if (left != nullptr) return compare_constant(flipped(compare.op), *compare.right, *left);
  return compare_values(compare.op, *compare.left, *compare.right);
}

std::string ExpressionRenderer::compare_values(Comparison op, const plan::Expression& left,
                                               const plan::Expression& right) const {
  // Two columns may have two collations, which alone is an error; under "C" equality is that of the bytes as well.
  const Kind kind = kind_of(left);
  return fmt::format("{}{} {} {}", operand(left, kind_of(right)), kind == Kind::text ? kByBytes : "", sql_operator(op),
                     operand(right, kind));
}

std::string ExpressionRenderer::compare_constant(Comparison op, const plan::Expression& value,
                                                 const Constant& constant) const {
  const Kind kind = kind_of(value);
  std::string subject = operand(value, constant.type.kind);
  if (auto bound = bound_below(constant)) {
    if (op == Comparison::distinct) return "true";
    if (op == Comparison::not_distinct) return "false";
    if (!is_ordering(op)) return op == Comparison::equal ? never(subject) : always(subject);
    bool below = op == Comparison::less || op == Comparison::less_or_equal;
    const ConstantType& type = constant_type(constant.type.kind);
    return fmt::format("{} {} {}", subject, below ? "<=" : ">",
                       place_({type.type_oid, std::string(type.name), *bound}));
  }
  // Equality of a deterministic collation is that of the bytes; without COLLATE it can use the column's index.
  std::string_view collate = kind == Kind::text && is_ordering(op) ? kByBytes : "";
  return fmt::format("{}{} {} {}", subject, collate, sql_operator(op),
                     place(constant, constant_type_beside(kind, constant.type.kind)));
}

/// One array instead of many constants: the statement stays short, and PostgreSQL plans `= ANY` like IN.
std::string ExpressionRenderer::render_node(const plan::In& in) const {
  std::vector<Constant> values;
  for (const Constant& value : in.values) {
    if (!bound_below(value)) values.push_back(value);
  }
  const Kind kind = kind_of(*in.input);
  const Kind list_kind = common_kind(values).value_or(kind);
  std::string subject = operand(*in.input, list_kind);
  if (values.empty()) return in.negated ? always(subject) : never(subject);
  const ConstantType& type = constant_type_beside(kind, list_kind);
  std::string list = place_({type.array_oid, std::string(type.name) + "[]", array_text(values)});
  return fmt::format("{} {} ({})", subject, in.negated ? "<> ALL" : "= ANY", list);
}

std::string ExpressionRenderer::render_node(const plan::IsNull& test) const {
  const auto* ref = std::get_if<plan::ColumnRef>(&test.input->node);
  if (ref != nullptr && columns_[ref->index].cast_to_text) {
    const plan::Column& column = columns_[ref->index];
    if (is_user_defined(column)) {
      // A cast that somebody made for the type may turn a value into NULL, or NULL into a text: what is sent decides.
      std::string_view cast = column.type.kind == Kind::list ? "::text[]" : "::text";
      return fmt::format("{}{} IS {}NULL", render(*test.input), cast, test.negated ? "NOT " : "");
    }
    // For a composite value IS NULL asks its fields; this asks the value.
    return fmt::format("{} IS {}DISTINCT FROM NULL", render(*test.input), test.negated ? "" : "NOT ");
  }
  std::string subject = ref == nullptr ? operand(*test.input, Kind::boolean) : render(*test.input);
  return fmt::format("{} IS {}NULL", subject, test.negated ? "NOT " : "");
}

/// LIKE compares characters by their bytes under every deterministic collation, and a pattern that begins with text can
/// use an index. DuckDB's own LIKE knows no escape character, hence ESCAPE ''.
std::string ExpressionRenderer::render_node(const plan::Like& like) const {
  std::string subject = operand(*like.input, Kind::text);
  const ConstantType& text = constant_type(Kind::text);
  std::string pattern = place_({text.type_oid, std::string(text.name), like_pattern(like)});
  return fmt::format("{} {}LIKE {}{}", subject, like.negated ? "NOT " : "", pattern,
                     like.match == plan::Match::like ? " ESCAPE ''" : "");
}

std::string ExpressionRenderer::join(std::span<const plan::ExpressionPtr> children, std::string_view separator,
                                     std::string_view of_none) const {
  if (children.empty()) return std::string(of_none);
  std::string text = "(";
  for (const plan::ExpressionPtr& child : children) {
    if (text.size() > 1) text += separator;
    text += render(*child);
  }
  return text + ")";
}

std::string ExpressionRenderer::render_node(const plan::And& all) const { return join(all.children, " AND ", "true"); }
std::string ExpressionRenderer::render_node(const plan::Or& any) const { return join(any.children, " OR ", "false"); }
std::string ExpressionRenderer::render_node(const plan::Not& no) const {
  return fmt::format("NOT ({})", render(*no.child));
}

/// In the kind of the result, so that what overflows there overflows here.
std::string ExpressionRenderer::calculate(const plan::Call& call, std::string_view sign) const {
  const Kind kind = call.type.kind;
  const bool is_unary = call.arguments.size() == 1;
  auto text =
      is_unary ? fmt::format("({} {})", sign, as_kind(*call.arguments[0], kind))
               : fmt::format("({} {} {})", as_kind(*call.arguments[0], kind), sign, as_kind(*call.arguments[1], kind));
  if (!plan::may_overflow(call, columns_)) return text;
  return fmt::format("{}::numeric({},{})", text, call.type.precision, call.type.scale);
}

/// PostgreSQL knows no year 0, and gives infinite moments an infinite year.
std::string ExpressionRenderer::part(const plan::Call& call) const {
  const auto moment = operand(*call.arguments[0], call.type.kind);
  const auto part = fmt::format("extract({} FROM {})", plan::to_string(call.function), moment);
  if (call.function != plan::Function::year) return part + "::int8";
  return fmt::format("(CASE WHEN isfinite({0}) THEN {1}::int8 + ({1} < 0)::int4 END)", moment, part);
}

std::string ExpressionRenderer::render_node(const plan::Call& call) const {
  using plan::Function;
  const auto argument = [&](size_t i) { return operand(*call.arguments[i], kind_of(*call.arguments[i])); };
  const auto number = [&](size_t i) { return constant_text(std::get<Constant>(call.arguments[i]->node)); };
  switch (call.function) {
    case Function::add:
    case Function::subtract:
    case Function::multiply:
    case Function::negate:
      return calculate(call, plan::to_string(call.function));
    case Function::absolute:
      return fmt::format("abs({})", as_kind(*call.arguments[0], call.type.kind));
    case Function::coalesce:
      return chosen(fmt::format("coalesce({})", list_of(call.arguments, call.type.kind)), call.type.kind);
    case Function::length:
      return fmt::format("length({})::int8", argument(0));
    case Function::substring:
      return fmt::format("(substring({}, {}, {}){})", argument(0), number(1), number(2), kByBytes);
    case Function::date_trunc:
      return fmt::format("date_trunc({}, {}::timestamp)::{}", quote_literal(number(0)), argument(1),
                         constant_type(call.type.kind).name);
    case Function::year:
    case Function::quarter:
    case Function::month:
    case Function::day:
    case Function::hour:
    case Function::minute:
      return part(call);
  }
  return {};
}

std::string ExpressionRenderer::render_node(const plan::Case& choice) const {
  std::string text = "CASE";
  for (size_t i = 0; i < choice.conditions.size(); ++i) {
    text +=
        fmt::format(" WHEN {} THEN {}", render(*choice.conditions[i]), as_kind(*choice.values[i], choice.type.kind));
  }
  return chosen(text + fmt::format(" ELSE {} END", as_kind(*choice.otherwise, choice.type.kind)), choice.type.kind);
}

/// Texts of several columns may have several collations, which nobody could compare.
std::string ExpressionRenderer::chosen(const std::string& text, Kind kind) {
  return fmt::format("({}{})", text, kind == Kind::text ? kByBytes : "");
}

std::string ExpressionRenderer::list_of(std::span<const plan::ExpressionPtr> values, Kind kind) const {
  std::string list;
  for (const plan::ExpressionPtr& value : values) list += (list.empty() ? "" : ", ") + as_kind(*value, kind);
  return list;
}

}  // namespace weir::postgres
