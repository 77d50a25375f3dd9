/// Predicates and values of a plan → expressions of PostgreSQL.
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

/// Renders what `plan::may_push` has let through under `capabilities`.
class ExpressionRenderer {
 public:
  /// `texts` are what stands for the columns in the statement.
  ExpressionRenderer(std::span<const plan::Column> columns, std::span<const std::string> texts,
                     const PlaceConstant& place)
      : columns_(columns), texts_(texts), place_(place) {}

  std::string render(const plan::Expression& expression) const;
  /// A value as an operand beside one of kind `other`.
  std::string operand(const plan::Expression& value, plan::Kind other) const;
  /// A value in the order that it has here: text by its bytes.
  std::string compared(const plan::Expression& value) const;

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
  std::string render_node(const plan::Call& call) const;
  std::string render_node(const plan::Case& choice) const;

  std::string join(std::span<const plan::ExpressionPtr> children, std::string_view separator,
                   std::string_view of_none) const;
  std::string compare_values(plan::Comparison op, const plan::Expression& left, const plan::Expression& right) const;
  std::string compare_constant(plan::Comparison op, const plan::Expression& value,
                               const plan::Constant& constant) const;
  std::string calculate(const plan::Call& call, std::string_view sign) const;
  std::string part(const plan::Call& call) const;
  static std::string chosen(const std::string& text, plan::Kind kind);
  std::string list_of(std::span<const plan::ExpressionPtr> values, plan::Kind kind) const;
  std::string as_kind(const plan::Expression& value, plan::Kind kind) const;
  plan::Kind kind_of(const plan::Expression& value) const;
  std::string place(const plan::Constant& constant, const ConstantType& type) const;

  std::span<const plan::Column> columns_;
  std::span<const std::string> texts_;
  const PlaceConstant& place_;
};

}  // namespace weir::postgres
