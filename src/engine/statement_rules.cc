/// The first look of the allow-list: kinds of statements.
#include <algorithm>
#include <array>

#include <duckdb/parser/expression/cast_expression.hpp>
#include <duckdb/parser/expression/function_expression.hpp>
#include <duckdb/parser/parsed_data/alter_table_info.hpp>
#include <duckdb/parser/parsed_data/copy_info.hpp>
#include <duckdb/parser/parsed_data/create_table_info.hpp>
#include <duckdb/parser/parsed_data/create_type_info.hpp>
#include <duckdb/parser/parsed_data/drop_info.hpp>
#include <duckdb/parser/parsed_data/pragma_info.hpp>
#include <duckdb/parser/parsed_expression_iterator.hpp>
#include <duckdb/parser/statement/list.hpp>
#include <duckdb/parser/statement/multi_statement.hpp>
#include <fmt/format.h>

#include "engine/allow_list.h"
#include "engine/allowed_names.h"

namespace weir::engine {
namespace {

using duckdb::CatalogType;
using duckdb::StatementType;

struct StatementRole {
  StatementType type;
  Role least;
};

constexpr std::array kAllowed = {
    StatementRole{StatementType::SELECT_STATEMENT, Role::read},
    StatementRole{StatementType::EXPLAIN_STATEMENT, Role::read},
    StatementRole{StatementType::SET_STATEMENT, Role::read},
    StatementRole{StatementType::PRAGMA_STATEMENT, Role::read},
    StatementRole{StatementType::MULTI_STATEMENT, Role::read},
    StatementRole{StatementType::CREATE_STATEMENT, Role::read},  // of PIVOT's own type; the rest needs write
    StatementRole{StatementType::INSERT_STATEMENT, Role::write},
    StatementRole{StatementType::UPDATE_STATEMENT, Role::write},
    StatementRole{StatementType::DELETE_STATEMENT, Role::write},
    StatementRole{StatementType::MERGE_INTO_STATEMENT, Role::write},
    StatementRole{StatementType::ALTER_STATEMENT, Role::write},
    StatementRole{StatementType::DROP_STATEMENT, Role::write},
    StatementRole{StatementType::COPY_STATEMENT, Role::admin},
};

struct Refusal {
  StatementType type;
  ErrorCode code;
  std::string_view message, hint;
};

/// Refused to everybody, with what to do instead.
constexpr std::array kRefused = {
    Refusal{StatementType::TRANSACTION_STATEMENT, ErrorCode::not_available_yet,
            "transactions of several statements: BEGIN, COMMIT, ROLLBACK",
            "Every statement commits by itself; put the whole change into one, e.g. MERGE."},
    Refusal{StatementType::PREPARE_STATEMENT, ErrorCode::not_available_yet, "prepared statements: PREPARE",
            "Send the values as 'params' with the query."},
    Refusal{StatementType::EXECUTE_STATEMENT, ErrorCode::not_available_yet, "prepared statements: EXECUTE",
            "Send the values as 'params' with the query."},
    Refusal{StatementType::ATTACH_STATEMENT, ErrorCode::statement_not_allowed, "ATTACH is not allowed",
            "Register the database as a connector: POST /v1/connectors."},
    Refusal{StatementType::DETACH_STATEMENT, ErrorCode::statement_not_allowed, "DETACH is not allowed",
            "Remove the connector: DELETE /v1/connectors/{name}."},
    Refusal{StatementType::LOAD_STATEMENT, ErrorCode::statement_not_allowed, "INSTALL and LOAD are not allowed",
            "Weir brings the extensions that it uses."},
    Refusal{StatementType::UPDATE_EXTENSIONS_STATEMENT, ErrorCode::statement_not_allowed,
            "UPDATE EXTENSIONS is not allowed", "Weir brings the extensions that it uses."},
    Refusal{StatementType::CALL_STATEMENT, ErrorCode::statement_not_allowed, "CALL is not allowed",
            "Write SELECT * FROM function(...)."},
    Refusal{
        StatementType::VACUUM_STATEMENT, ErrorCode::not_available_yet, "maintenance statements: VACUUM, ANALYZE", {}},
    Refusal{StatementType::EXPORT_STATEMENT, ErrorCode::not_available_yet, "EXPORT DATABASE", "Use COPY table TO."},
    Refusal{StatementType::COPY_DATABASE_STATEMENT, ErrorCode::not_available_yet, "COPY FROM DATABASE",
            "Use CREATE TABLE ... AS SELECT."},
};

std::string words(std::string text) {
  std::replace(text.begin(), text.end(), '_', ' ');
  return text;
}

bool is_lake_kind(CatalogType type) {
  return type == CatalogType::TABLE_ENTRY || type == CatalogType::VIEW_ENTRY || type == CatalogType::SCHEMA_ENTRY;
}

/// PIVOT without a list of values first makes a temporary type of them; DuckDB names it itself.
bool is_pivot_type(const duckdb::CreateInfo& info) {
  return info.type == CatalogType::TYPE_ENTRY && info.temporary &&
         info.Cast<duckdb::CreateTypeInfo>().name.starts_with("__pivot_enum_");
}

/// A literal, or a bare word, which SET takes as text. Anything else would be evaluated while it is bound.
bool is_constant(const duckdb::ParsedExpression& value) {
  switch (value.GetExpressionClass()) {
    case duckdb::ExpressionClass::CONSTANT:
    case duckdb::ExpressionClass::COLUMN_REF:
      return true;
    case duckdb::ExpressionClass::CAST:
      return is_constant(*value.Cast<duckdb::CastExpression>().child);
    default:
      return false;
  }
}

Status need(bool given, Role role, Role least, std::string_view what) {
  if (given) return {};
  return fail(ErrorCode::statement_not_allowed, fmt::format("role '{}' may not run {}", to_string(role), what),
              fmt::format("Use a token with role '{}'.", to_string(least)));
}

}  // namespace

Status AllowList::statement(const duckdb::SQLStatement& statement) const {
  for (const auto& refused : kRefused) {
    if (statement.type == refused.type) {
      return fail(refused.code, std::string(refused.message), std::string(refused.hint));
    }
  }
  std::string name = words(duckdb::StatementTypeToString(statement.type));
  auto rule = std::find_if(kAllowed.begin(), kAllowed.end(),
                           [&](const StatementRole& allowed) { return allowed.type == statement.type; });
  if (rule == kAllowed.end()) return fail(ErrorCode::statement_not_allowed, name + " statements are not allowed");
  WEIR_TRY(need(at_least(rule->least), principal_.role, rule->least, name));
  switch (statement.type) {
    case StatementType::EXPLAIN_STATEMENT:
      return this->statement(*statement.Cast<duckdb::ExplainStatement>().stmt);
    case StatementType::MULTI_STATEMENT:
      for (const auto& part : statement.Cast<duckdb::MultiStatement>().statements) WEIR_TRY(this->statement(*part));
      return {};
    case StatementType::CREATE_STATEMENT:
      return create(*statement.Cast<duckdb::CreateStatement>().info);
    case StatementType::ALTER_STATEMENT:
      return alter(*statement.Cast<duckdb::AlterStatement>().info);
    case StatementType::COPY_STATEMENT:
      return copy(*statement.Cast<duckdb::CopyStatement>().info);
    case StatementType::SET_STATEMENT:
      return set(statement);
    case StatementType::DROP_STATEMENT:
      if (is_lake_kind(statement.Cast<duckdb::DropStatement>().info->type)) return {};
      return fail(ErrorCode::statement_not_allowed, "DROP is allowed for tables, views and schemas of the lake only");
    case StatementType::PRAGMA_STATEMENT:
      return pragma(*statement.Cast<duckdb::PragmaStatement>().info);
    default:
      return {};
  }
}

Status AllowList::create(const duckdb::CreateInfo& info) const {
  if (is_pivot_type(info)) return {};
  WEIR_TRY(need(at_least(Role::write), principal_.role, Role::write, "CREATE"));
  if (!is_lake_kind(info.type)) {
    return fail(ErrorCode::statement_not_allowed,
                fmt::format("CREATE {} is not allowed", duckdb::CatalogTypeToString(info.type)),
                "The lake has tables, views and schemas.");
  }
  if (info.temporary) {
    return fail(ErrorCode::statement_not_allowed, "CREATE TEMPORARY is not allowed",
                "A query's session ends with it; use a WITH clause or a table of the lake.");
  }
  if (info.type != CatalogType::TABLE_ENTRY) return {};
  const auto& table = info.Cast<duckdb::CreateTableInfo>();
  for (const auto& column : table.columns.Logical()) {
    if (column.Generated()) WEIR_TRY(parsed_expression(column.GeneratedExpression()));
    if (column.HasDefaultValue()) WEIR_TRY(parsed_expression(column.DefaultValue()));
  }
  return {};
}

Status AllowList::alter(const duckdb::AlterInfo& info) const {
  if (info.type != duckdb::AlterType::ALTER_TABLE) return {};
  const auto& table = info.Cast<duckdb::AlterTableInfo>();
  if (table.alter_table_type == duckdb::AlterTableType::ADD_COLUMN) {
    const auto& column = table.Cast<duckdb::AddColumnInfo>().new_column;
    return column.HasDefaultValue() ? parsed_expression(column.DefaultValue()) : Status();
  }
  if (table.alter_table_type == duckdb::AlterTableType::ALTER_COLUMN_TYPE) {
    const auto& expression = table.Cast<duckdb::ChangeColumnTypeInfo>().expression;
    return expression ? parsed_expression(*expression) : Status();
  }
  if (table.alter_table_type == duckdb::AlterTableType::SET_DEFAULT) {
    const auto& expression = table.Cast<duckdb::SetDefaultInfo>().expression;
    return expression ? parsed_expression(*expression) : Status();
  }
  return {};
}

Status AllowList::set(const duckdb::SQLStatement& statement) const {
  const auto& set = statement.Cast<duckdb::SetStatement>();
  std::string name = duckdb::StringUtil::Lower(set.name);
  if (set.scope == duckdb::SetScope::VARIABLE || set.scope == duckdb::SetScope::GLOBAL || !is_session_setting(name)) {
    return fail(ErrorCode::statement_not_allowed, "SET is not allowed for " + name,
                "A session may set weir_* settings, TimeZone and search_path, for itself.");
  }
  if (set.set_type != duckdb::SetType::SET) return {};
  const auto& value = *statement.Cast<duckdb::SetVariableStatement>().value;
  if (is_constant(value)) return {};
  return fail(ErrorCode::statement_not_allowed, "SET takes a constant: " + name);
}

Status AllowList::pragma(const duckdb::PragmaInfo& info) const {
  bool constant = info.named_parameters.empty();
  for (const auto& parameter : info.parameters) constant = constant && is_constant(*parameter);
  if (constant && is_readable_pragma(info.name)) return {};
  return fail(ErrorCode::statement_not_allowed, "PRAGMA is not allowed: " + info.name);
}

Status AllowList::copy(const duckdb::CopyInfo& info) const {
  if (info.file_path_expression) {
    return fail(ErrorCode::statement_not_allowed, "COPY takes a constant file name");
  }
  return file(info.file_path);
}

Status AllowList::parsed_expression(const duckdb::ParsedExpression& expression) const {
  Status allowed;
  if (expression.GetExpressionClass() == duckdb::ExpressionClass::FUNCTION) {
    allowed = scalar_function(duckdb::StringUtil::Lower(expression.Cast<duckdb::FunctionExpression>().function_name));
  }
  duckdb::ParsedExpressionIterator::EnumerateChildren(expression, [&](const duckdb::ParsedExpression& child) {
    if (allowed) allowed = parsed_expression(child);
  });
  return allowed;
}

}  // namespace weir::engine
