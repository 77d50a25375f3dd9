/// Predicates of a plan → conditions of PostgreSQL.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "connectors/postgres/constant_text.h"
#include "plan/scan.h"

namespace weir::postgres {

/// A constant on its way into a statement.
struct SqlConstant {
  uint32_t type_oid;
  std::string type_name;
  std::string text;
  bool is_null = false;
};
/// Places a constant and returns what stands for it in the statement: "$1", or a literal.
using PlaceConstant = std::function<std::string(SqlConstant)>;

/// Renders what `plan::may_push` has let through under `trusted_rules`.
class PredicateRenderer {
 public:
  /// `texts` are what stands for the columns in the statement.
  PredicateRenderer(std::span<const plan::Column> columns, std::span<const std::string> texts,
                    const PlaceConstant& place)
      : columns_(columns), texts_(texts), place_(place) {}

  std::string render(const plan::Expression& expression) const;
  /// A column as an operand beside a value of kind `other`.
  std::string operand(size_t column, plan::Kind other) const;

 private:
  std::string render_node(const plan::ColumnRef& ref) const;
  std::string render_node(const plan::Constant& constant) const;
  std::string render_node(const plan::Compare& compare) const;
  std::string render_node(const plan::In& in) const;
  std::string render_node(const plan::IsNull& test) const;
  std::string render_node(const plan::Like& like) const;
  std::string render_node(const plan::And& all) const;
  std::string render_node(const plan::Or& any) const;
  std::string render_node(const plan::Not& no) const;

  std::string join(std::span<const plan::ExpressionPtr> children, std::string_view separator,
                   std::string_view of_none) const;
  std::string compare_columns(plan::Comparison op, size_t left, size_t right) const;
  std::string compare_constant(plan::Comparison op, size_t column, const plan::Constant& constant) const;
  std::string place(const plan::Constant& constant, const ConstantType& type) const;

  std::span<const plan::Column> columns_;
  std::span<const std::string> texts_;
  const PlaceConstant& place_;
};

}  // namespace weir::postgres
