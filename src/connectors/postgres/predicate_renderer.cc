/// Each rule here answers one question: what gives DuckDB's result on PostgreSQL, and can still use an index?
#include "connectors/postgres/predicate_renderer.h"

#include <utility>
#include <vector>

#include <fmt/format.h>

#include "connectors/postgres/postgres_dialect.h"

namespace weir::postgres {
namespace {

using plan::Comparison;
using plan::Constant;
using plan::Kind;

std::string_view sql_operator(Comparison op) { return op == Comparison::not_equal ? "<>" : plan::to_string(op); }

bool is_equality(Comparison op) { return op == Comparison::equal || op == Comparison::not_equal; }

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

std::string PredicateRenderer::render(const plan::Expression& expression) const {
  return std::visit([this](const auto& node) { return render_node(node); }, expression.node);
}

std::string PredicateRenderer::operand(size_t column, Kind other) const {
  const plan::Column& facts = columns_[column];
  std::string name = texts_[column];
  if (facts.type.kind == Kind::text && !is_plain_text(facts)) return name + "::text";
  if (facts.type.kind == Kind::uint32 && other != Kind::uint32) return name + "::int8";
  return name;
}

std::string PredicateRenderer::place(const Constant& constant, const ConstantType& type) const {
  return place_(
      {type.type_oid, std::string(type.name), constant.is_null() ? "" : constant_text(constant), constant.is_null()});
}

std::string PredicateRenderer::render_node(const plan::ColumnRef& ref) const { return texts_[ref.index]; }

std::string PredicateRenderer::render_node(const Constant& constant) const {
  return place(constant, constant_type(constant.type.kind));
}

std::string PredicateRenderer::render_node(const plan::Compare& compare) const {
  const auto* left = std::get_if<plan::ColumnRef>(&compare.left->node);
  const auto* right = std::get_if<plan::ColumnRef>(&compare.right->node);
  const auto* left_constant = std::get_if<Constant>(&compare.left->node);
  const auto* right_constant = std::get_if<Constant>(&compare.right->node);
  if (left != nullptr && right != nullptr) return compare_columns(compare.op, left->index, right->index);
  if (left != nullptr && right_constant != nullptr) return compare_constant(compare.op, left->index, *right_constant);
  if (left_constant != nullptr && right != nullptr) {
    return compare_constant(flipped(compare.op), right->index, *left_constant);
  }
  return fmt::format("({}) {} ({})", render(*compare.left), sql_operator(compare.op), render(*compare.right));
}

std::string PredicateRenderer::compare_columns(Comparison op, size_t left, size_t right) const {
  Kind left_kind = columns_[left].type.kind;
  // Two columns may have two collations, which alone is an error; under "C" equality is that of the bytes as well.
  std::string_view collate = left_kind == Kind::text ? " COLLATE \"C\"" : "";
  return fmt::format("{}{} {} {}", operand(left, columns_[right].type.kind), collate, sql_operator(op),
                     operand(right, left_kind));
}

std::string PredicateRenderer::compare_constant(Comparison op, size_t column, const Constant& constant) const {
  Kind kind = columns_[column].type.kind;
  std::string subject = operand(column, constant.type.kind);
  if (auto bound = bound_below(constant)) {
    if (is_equality(op)) return op == Comparison::equal ? never(subject) : always(subject);
    bool below = op == Comparison::less || op == Comparison::less_or_equal;
    const ConstantType& type = constant_type(constant.type.kind);
    return fmt::format("{} {} {}", subject, below ? "<=" : ">",
                       place_({type.type_oid, std::string(type.name), *bound}));
  }
  // Equality of a deterministic collation is that of the bytes; without COLLATE it can use the column's index.
  std::string_view collate = kind == Kind::text && !is_equality(op) ? " COLLATE \"C\"" : "";
  return fmt::format("{}{} {} {}", subject, collate, sql_operator(op),
                     place(constant, constant_type_beside(kind, constant.type.kind)));
}

/// One array instead of many constants: the statement stays short, and PostgreSQL plans `= ANY` like IN.
std::string PredicateRenderer::render_node(const plan::In& in) const {
  const auto* ref = std::get_if<plan::ColumnRef>(&in.input->node);
  std::vector<Constant> values;
  for (const Constant& value : in.values) {
    if (!bound_below(value)) values.push_back(value);
  }
  Kind column_kind = ref == nullptr ? Kind::boolean : columns_[ref->index].type.kind;
  Kind list_kind = common_kind(values).value_or(column_kind);
  std::string subject = ref == nullptr ? "(" + render(*in.input) + ")" : operand(ref->index, list_kind);
  if (values.empty()) return in.negated ? always(subject) : never(subject);
  const ConstantType& type = constant_type_beside(column_kind, list_kind);
  std::string list = place_({type.array_oid, std::string(type.name) + "[]", array_text(values)});
  return fmt::format("{} {} ({})", subject, in.negated ? "<> ALL" : "= ANY", list);
}

std::string PredicateRenderer::render_node(const plan::IsNull& test) const {
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
  std::string subject = ref == nullptr ? "(" + render(*test.input) + ")" : render(*test.input);
  return fmt::format("{} IS {}NULL", subject, test.negated ? "NOT " : "");
}

/// LIKE compares characters by their bytes under every deterministic collation, and a pattern that begins with text can
/// use an index. DuckDB's own LIKE knows no escape character, hence ESCAPE ''.
std::string PredicateRenderer::render_node(const plan::Like& like) const {
  const auto* ref = std::get_if<plan::ColumnRef>(&like.input->node);
  std::string subject = ref == nullptr ? "(" + render(*like.input) + ")" : operand(ref->index, Kind::text);
  const ConstantType& text = constant_type(Kind::text);
  std::string pattern = place_({text.type_oid, std::string(text.name), like_pattern(like)});
  return fmt::format("{} {}LIKE {}{}", subject, like.negated ? "NOT " : "", pattern,
                     like.match == plan::Match::like ? " ESCAPE ''" : "");
}

std::string PredicateRenderer::join(std::span<const plan::ExpressionPtr> children, std::string_view separator,
                                    std::string_view of_none) const {
  if (children.empty()) return std::string(of_none);
  std::string text = "(";
  for (const plan::ExpressionPtr& child : children) {
    if (text.size() > 1) text += separator;
    text += render(*child);
  }
  return text + ")";
}

std::string PredicateRenderer::render_node(const plan::And& all) const { return join(all.children, " AND ", "true"); }
std::string PredicateRenderer::render_node(const plan::Or& any) const { return join(any.children, " OR ", "false"); }
std::string PredicateRenderer::render_node(const plan::Not& no) const {
  return fmt::format("NOT ({})", render(*no.child));
}

}  // namespace weir::postgres
