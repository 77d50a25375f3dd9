/// Statements around the predicates, and the table of trust.
#include "connectors/postgres/postgres_dialect.h"

#include <array>
#include <utility>

#include <fmt/format.h>

#include "connectors/postgres/predicate_renderer.h"

namespace weir::postgres {
namespace {

using plan::Kind;
using plan::Operation;
using plan::Rule;

/// Kinds whose values DuckDB and PostgreSQL compare alike. Left out on purpose: intervals (DuckDB normalises months and
/// days in its own way), json and lists. Text holds for deterministic collations, which the planner checks.
constexpr std::array kCompared = {
    Kind::boolean, Kind::int16,   Kind::int32,     Kind::int64,       Kind::uint32,
    Kind::float32, Kind::float64, Kind::decimal,   Kind::text,        Kind::binary,
    Kind::date,    Kind::time,    Kind::timestamp, Kind::timestamptz, Kind::uuid,
};
constexpr std::array kNullTestOnly = {Kind::interval, Kind::json, Kind::list};

constexpr auto kTrusted = [] {
  std::array<Rule, 3 * kCompared.size() + kNullTestOnly.size() + 1> rules{};
  size_t count = 0;
  for (Kind kind : kCompared) {
    rules[count++] = {kind, Operation::equality};
    rules[count++] = {kind, Operation::ordering};
    rules[count++] = {kind, Operation::null_test};
  }
  for (Kind kind : kNullTestOnly) rules[count++] = {kind, Operation::null_test};
  rules[count++] = {Kind::text, Operation::pattern};
  return rules;
}();

/// A column of the SELECT list, in the wire form that BatchDecoder expects.
std::string selected(const plan::Column& column) {
  std::string name = quote_identifier(column.name);
  if (!column.cast_to_text) return name;
  return name + (column.type.kind == Kind::list ? "::text[]" : "::text");
}

std::vector<std::string> conditions(const plan::Scan& scan, const std::optional<CtidRange>& range,
                                    PlaceConstant place) {
  std::vector<std::string> all;
  if (range) {
    all.push_back(fmt::format("ctid >= '({},0)'::tid", range->first_block));
    if (range->end_block) all.push_back(fmt::format("ctid < '({},0)'::tid", *range->end_block));
  }
  PredicateRenderer renderer(scan.columns, std::move(place));
  for (const plan::ExpressionPtr& filter : scan.filters) all.push_back(renderer.render(*filter));
  return all;
}

std::string select_text(const plan::Scan& scan, const std::optional<CtidRange>& range, PlaceConstant place) {
  std::string text = "SELECT";
  for (size_t i = 0; i < scan.projection.size(); i++) {
    text += (i == 0 ? " " : ", ") + selected(scan.columns[scan.projection[i]]);
  }
  text += fmt::format(" FROM {}{}.{}", range ? "ONLY " : "", quote_identifier(scan.table.schema),
                      quote_identifier(scan.table.table));
  std::string_view joint = " WHERE ";
  for (const std::string& condition : conditions(scan, range, std::move(place))) {
    text += std::exchange(joint, " AND ");
    text += condition;
  }
  if (scan.limit) text += fmt::format(" LIMIT {}", *scan.limit);
  return text;
}

std::string literal(const SqlConstant& constant) {
  return (constant.is_null ? "NULL" : quote_literal(constant.text)) + "::" + constant.type_name;
}

/// `text` between two `quote`s, with those inside doubled.
std::string quoted(std::string_view text, char quote) {
  std::string out(1, quote);
  for (char c : text) {
    if (c == quote) out += c;
    out += c;
  }
  return out + quote;
}

}  // namespace

Statement render_select(const plan::Scan& scan, const std::optional<CtidRange>& range) {
  Statement statement;
  statement.text = select_text(scan, range, [&](SqlConstant constant) {
    statement.params.push_back({constant.type_oid, std::move(constant.text), constant.is_null});
    return fmt::format("${}", statement.params.size());
  });
  return statement;
}

std::string render_copy(const plan::Scan& scan, const std::optional<CtidRange>& range) {
  return "COPY (" + select_text(scan, range, literal) + ") TO STDOUT (FORMAT binary)";
}

std::span<const Rule> trusted_rules() { return kTrusted; }

std::string quote_identifier(std::string_view name) { return quoted(name, '"'); }

std::string quote_literal(std::string_view text) {
  std::string out = quoted(text, '\'');
  if (text.find('\\') == std::string_view::npos) return out;
  std::string escaped = "E";
  for (char c : out) escaped += c == '\\' ? "\\\\" : std::string(1, c);
  return escaped;
}

}  // namespace weir::postgres
