/// Statements around the predicates, and the table of trust.
#include "connectors/postgres/postgres_dialect.h"

#include <array>
#include <utility>

#include <fmt/format.h>

#include "connectors/postgres/expression_renderer.h"
#include "connectors/postgres/query_renderer.h"

namespace weir::postgres {
namespace {

using plan::Function;
using plan::FunctionRule;
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

/// Equal values are the same value: not floats, whose -0.0 equals 0.0.
constexpr std::array kGrouped = {
    Kind::boolean, Kind::int16, Kind::int32, Kind::int64, Kind::uint32,    Kind::decimal,     Kind::text,
    Kind::binary,  Kind::date,  Kind::time,  Kind::uuid,  Kind::timestamp, Kind::timestamptz,
};
/// PostgreSQL has no min(boolean), and before 18 no min(bytea) and min(uuid).
constexpr std::array kExtremes = {
    Kind::int16, Kind::int32, Kind::int64, Kind::uint32,    Kind::decimal,
    Kind::text,  Kind::date,  Kind::time,  Kind::timestamp, Kind::timestamptz,
};
/// Longer lists cost the source more to plan than reading the rows costs us.
constexpr size_t kInListLengthMax = 1000;
/// A hash table of so many is made in milliseconds; those that pay are few anyway.
constexpr size_t kKeyListLengthMax = 20'000;
constexpr std::array kSummed = {Kind::int16, Kind::int32, Kind::int64, Kind::uint32, Kind::decimal};

/// What CASE and coalesce may give.
constexpr std::array kChosen = {
    Kind::boolean, Kind::int16, Kind::int32, Kind::int64, Kind::float32, Kind::float64,   Kind::decimal,
    Kind::text,    Kind::date,  Kind::time,  Kind::uuid,  Kind::binary,  Kind::timestamp, Kind::timestamptz,
};

constexpr auto kTrusted = [] {
  std::array<Rule, 3 * kCompared.size() + kNullTestOnly.size() + 1 + kGrouped.size() + kExtremes.size() +
                       kSummed.size() + kChosen.size()>
      rules{};
  size_t count = 0;
  for (Kind kind : kCompared) {
    rules[count++] = {kind, Operation::equality};
    rules[count++] = {kind, Operation::ordering};
    rules[count++] = {kind, Operation::null_test};
  }
  for (Kind kind : kNullTestOnly) rules[count++] = {kind, Operation::null_test};
  rules[count++] = {Kind::text, Operation::pattern};
  for (Kind kind : kGrouped) rules[count++] = {kind, Operation::grouping};
  for (Kind kind : kExtremes) rules[count++] = {kind, Operation::extreme};
  for (Kind kind : kSummed) rules[count++] = {kind, Operation::sum};
  for (Kind kind : kChosen) rules[count++] = {kind, Operation::choice};
  return rules;
}();

constexpr std::array kCalculated = {Kind::int16, Kind::int32, Kind::int64, Kind::decimal};
constexpr std::array kCalculations = {Function::add, Function::subtract, Function::multiply, Function::negate,
                                      Function::absolute};
/// `lower` and `upper` differ for single characters between C.UTF-8, ICU and DuckDB; parts of timestamptz depend on the
/// zone of the session here.
constexpr std::array kOtherFunctions = {
    FunctionRule{Function::length, Kind::text},     FunctionRule{Function::substring, Kind::text},
    FunctionRule{Function::year, Kind::date},       FunctionRule{Function::year, Kind::timestamp},
    FunctionRule{Function::quarter, Kind::date},    FunctionRule{Function::quarter, Kind::timestamp},
    FunctionRule{Function::month, Kind::date},      FunctionRule{Function::month, Kind::timestamp},
    FunctionRule{Function::day, Kind::date},        FunctionRule{Function::day, Kind::timestamp},
    FunctionRule{Function::hour, Kind::timestamp},  FunctionRule{Function::minute, Kind::timestamp},
    FunctionRule{Function::date_trunc, Kind::date}, FunctionRule{Function::date_trunc, Kind::timestamp},
};

constexpr auto kFunctions = [] {
  std::array<FunctionRule, kCalculated.size() * kCalculations.size() + kOtherFunctions.size()> rules{};
  size_t count = 0;
  for (Function function : kCalculations) {
    for (Kind kind : kCalculated) rules[count++] = {function, kind};
  }
  for (const FunctionRule& rule : kOtherFunctions) rules[count++] = rule;
  return rules;
}();

std::vector<std::string> column_texts(const plan::Scan& scan) {
  std::vector<std::string> texts;
  for (const plan::Column& column : scan.columns) {
    texts.push_back(scan.query ? QueryRenderer::output_name(texts.size()) : quote_identifier(column.name));
  }
  return texts;
}

std::vector<std::string> conditions(const plan::Scan& scan, std::span<const std::string> texts,
                                    const std::optional<CtidRange>& range, const PlaceConstant& place) {
  std::vector<std::string> all;
  if (range) {
    all.push_back(fmt::format("ctid >= '({},0)'::tid", range->first_block));
    if (range->end_block) all.push_back(fmt::format("ctid < '({},0)'::tid", *range->end_block));
  }
  const ExpressionRenderer renderer(scan.columns, texts, place);
  for (const plan::ExpressionPtr& filter : scan.filters) all.push_back(renderer.render(*filter));
  return all;
}

/// Whether the query itself can deliver what the scan asks of it.
bool asks_the_query_itself(const plan::Scan& scan) {
  return scan.query && scan.filters.empty() && !scan.limit && !scan.query->distinct;
}

std::string select_outputs(const plan::Scan& scan, const PlaceConstant& place) {
  plan::Query query = *scan.query;
  query.outputs.clear();
  query.columns.clear();
  for (const size_t index : scan.projection) {
    query.outputs.push_back(scan.query->outputs[index]);
    query.columns.push_back(scan.columns[index]);
  }
  return QueryRenderer(place).render(query, /*in_wire_form=*/true);
}

std::string select_text(const plan::Scan& scan, const std::optional<CtidRange>& range, const PlaceConstant& place) {
  if (asks_the_query_itself(scan)) return select_outputs(scan, place);
  const auto texts = column_texts(scan);
  std::string text = "SELECT";
  for (size_t i = 0; i < scan.projection.size(); i++) {
    const plan::Column& column = scan.columns[scan.projection[i]];
    text += (i == 0 ? " " : ", ") + texts[scan.projection[i]] + wire_cast(column);
  }
  if (scan.query) {
    text += fmt::format(" FROM ({}) AS q", QueryRenderer(place).render(*scan.query, /*in_wire_form=*/false));
  } else {
    text += fmt::format(" FROM {}{}.{}", range ? "ONLY " : "", quote_identifier(scan.table.schema),
                        quote_identifier(scan.table.table));
  }
  std::string_view joint = " WHERE ";
  for (const std::string& condition : conditions(scan, texts, range, place)) {
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

plan::Capabilities capabilities(bool text_is_utf8) {
  return {.rules = kTrusted,
          .functions = kFunctions,
          .limit = true,
          .sort = true,
          .aggregate = true,
          .join = true,
          .union_all = true,
          .in_list_length_max = kInListLengthMax,
          .key_list_length_max = kKeyListLengthMax,
          .text_is_utf8 = text_is_utf8};
}

std::string quote_identifier(std::string_view name) { return quoted(name, '"'); }

std::string quote_literal(std::string_view text) {
  std::string out = quoted(text, '\'');
  if (text.find('\\') == std::string_view::npos) return out;
  std::string escaped = "E";
  for (char c : out) escaped += c == '\\' ? "\\\\" : std::string(1, c);
  return escaped;
}

}  // namespace weir::postgres
