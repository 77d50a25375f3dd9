#include "engine/function_translation.h"

#include <algorithm>
#include <string>
#include <string_view>

#include <duckdb/planner/expression/bound_case_expression.hpp>
#include <duckdb/planner/expression/bound_function_expression.hpp>
#include <duckdb/planner/expression/bound_operator_expression.hpp>

#include "engine/remote_types.h"

namespace weir::engine {
namespace {

using duckdb::Expression;
using plan::ExpressionPtr;
using plan::Function;
using Translation = std::expected<ExpressionPtr, plan::Refusal>;

std::unexpected<plan::Refusal> refuse(std::string reason) { return std::unexpected(std::move(reason)); }

struct Name {
  std::string_view name;
  size_t arguments;
  Function function;
};
constexpr Name kNames[] = {{"+", 2, Function::add},
                           {"-", 2, Function::subtract},
                           {"*", 2, Function::multiply},
                           {"-", 1, Function::negate},
                           {"abs", 1, Function::absolute},
                           {"@", 1, Function::absolute},
                           {"length", 1, Function::length},
                           {"len", 1, Function::length},
                           {"char_length", 1, Function::length},
                           {"character_length", 1, Function::length},
                           {"substring", 3, Function::substring},
                           {"substr", 3, Function::substring},
                           {"year", 1, Function::year},
                           {"quarter", 1, Function::quarter},
                           {"month", 1, Function::month},
                           {"day", 1, Function::day},
                           {"dayofmonth", 1, Function::day},
                           {"hour", 1, Function::hour},
                           {"minute", 1, Function::minute},
                           {"date_trunc", 2, Function::date_trunc},
                           {"datetrunc", 2, Function::date_trunc}};

Translation call(Function function, const duckdb::vector<duckdb::unique_ptr<Expression>>& arguments,
                 const duckdb::LogicalType& result, const TranslatePart& part) {
  const auto type = to_plan_type(result);
  const std::string name(plan::to_string(function));
  if (!type) return refuse(name + " that gives " + result.ToString() + " is not pushed yet");
  plan::Call call{function, {}, *type};
  for (const auto& argument : arguments) {
    auto translated = part(*argument);
    if (!translated) return translated;
    call.arguments.push_back(std::move(*translated));
  }
  return plan::make(std::move(call));
}

}  // namespace

Translation translate_call(const Expression& expression, const TranslatePart& part) {
  if (expression.GetExpressionType() == duckdb::ExpressionType::OPERATOR_COALESCE) {
    const auto& children = expression.Cast<duckdb::BoundOperatorExpression>().children;
    return call(Function::coalesce, children, expression.return_type, part);
  }
  const auto& node = expression.Cast<duckdb::BoundFunctionExpression>();
  const auto* found = std::ranges::find_if(
      kNames, [&](const Name& one) { return one.name == node.function.name && one.arguments == node.children.size(); });
  if (found == std::end(kNames)) return refuse("function " + node.function.name + " is not pushed yet");
  return call(found->function, node.children, node.return_type, part);
}

Translation translate_case(const Expression& expression, const TranslatePart& part) {
  const auto& node = expression.Cast<duckdb::BoundCaseExpression>();
  const auto type = to_plan_type(node.return_type);
  if (!type) return refuse("CASE that gives " + node.return_type.ToString() + " is not pushed yet");
  plan::Case choice{{}, {}, {}, *type};
  for (const auto& check : node.case_checks) {
    auto condition = part(*check.when_expr);
    if (!condition) return condition;
    auto chosen = part(*check.then_expr);
    if (!chosen) return chosen;
    choice.conditions.push_back(std::move(*condition));
    choice.values.push_back(std::move(*chosen));
  }
  auto otherwise = part(*node.else_expr);
  if (!otherwise) return otherwise;
  choice.otherwise = std::move(*otherwise);
  return plan::make(std::move(choice));
}

}  // namespace weir::engine
