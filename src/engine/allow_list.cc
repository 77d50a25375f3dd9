/// The second and third look of the allow-list: names that binding finds, and the bound plan.
#include "engine/allow_list.h"

#include <algorithm>
#include <array>

#include <duckdb/catalog/catalog_entry/schema_catalog_entry.hpp>
#include <duckdb/catalog/catalog_entry/table_catalog_entry.hpp>
#include <duckdb/common/multi_file/multi_file_states.hpp>
#include <duckdb/parser/parsed_data/create_schema_info.hpp>
#include <duckdb/parser/parsed_data/drop_info.hpp>
#include <duckdb/planner/expression/bound_function_expression.hpp>
#include <duckdb/planner/expression/bound_subquery_expression.hpp>
#include <duckdb/planner/expression_iterator.hpp>
#include <duckdb/planner/logical_operator_visitor.hpp>
#include <duckdb/planner/operator/list.hpp>
#include <duckdb/planner/planner_extension.hpp>
#include <fmt/format.h>

#include "engine/allowed_names.h"
#include "engine/query_context.h"
#include "lake/hot.h"
#include "lake/lake.h"

namespace weir::engine {
namespace {

using duckdb::CatalogType;
using duckdb::LogicalOperator;
using duckdb::LogicalOperatorType;

constexpr std::string_view kMetadataPrefix = "__ducklake_";

/// Operators that only compute, read what a checked scan gives, or stand for a statement that `statement` has let pass.
constexpr std::array kHarmless = {
    LogicalOperatorType::LOGICAL_PROJECTION,
    LogicalOperatorType::LOGICAL_FILTER,
    LogicalOperatorType::LOGICAL_AGGREGATE_AND_GROUP_BY,
    LogicalOperatorType::LOGICAL_WINDOW,
    LogicalOperatorType::LOGICAL_UNNEST,
    LogicalOperatorType::LOGICAL_LIMIT,
    LogicalOperatorType::LOGICAL_ORDER_BY,
    LogicalOperatorType::LOGICAL_TOP_N,
    LogicalOperatorType::LOGICAL_DISTINCT,
    LogicalOperatorType::LOGICAL_SAMPLE,
    LogicalOperatorType::LOGICAL_PIVOT,
    LogicalOperatorType::LOGICAL_CHUNK_GET,
    LogicalOperatorType::LOGICAL_DELIM_GET,
    LogicalOperatorType::LOGICAL_EXPRESSION_GET,
    LogicalOperatorType::LOGICAL_DUMMY_SCAN,
    LogicalOperatorType::LOGICAL_EMPTY_RESULT,
    LogicalOperatorType::LOGICAL_CTE_REF,
    LogicalOperatorType::LOGICAL_JOIN,
    LogicalOperatorType::LOGICAL_DELIM_JOIN,
    LogicalOperatorType::LOGICAL_COMPARISON_JOIN,
    LogicalOperatorType::LOGICAL_ANY_JOIN,
    LogicalOperatorType::LOGICAL_CROSS_PRODUCT,
    LogicalOperatorType::LOGICAL_POSITIONAL_JOIN,
    LogicalOperatorType::LOGICAL_ASOF_JOIN,
    LogicalOperatorType::LOGICAL_DEPENDENT_JOIN,
    LogicalOperatorType::LOGICAL_UNION,
    LogicalOperatorType::LOGICAL_EXCEPT,
    LogicalOperatorType::LOGICAL_INTERSECT,
    LogicalOperatorType::LOGICAL_RECURSIVE_CTE,
    LogicalOperatorType::LOGICAL_MATERIALIZED_CTE,
    LogicalOperatorType::LOGICAL_EXPLAIN,
    LogicalOperatorType::LOGICAL_SET,
    LogicalOperatorType::LOGICAL_RESET,
};

bool same(std::string_view left, std::string_view right) {
  return std::equal(left.begin(), left.end(), right.begin(), right.end(),
                    [](unsigned char a, unsigned char b) { return std::tolower(a) == std::tolower(b); });
}

std::unexpected<Error> not_for(const Principal& principal, std::string_view what, std::string_view name) {
  return fail(ErrorCode::statement_not_allowed,
              fmt::format("{} is not allowed for role '{}': {}", what, to_string(principal.role), name));
}

std::unexpected<Error> confined_away(std::string_view what, std::string_view name) {
  return fail(ErrorCode::statement_not_allowed, fmt::format("{} is outside the schemas of the token: {}", what, name),
              "A token's schemas are listed in the server's token file.");
}

std::unexpected<Error> only_the_lake(std::string_view catalog) {
  return fail(ErrorCode::statement_not_allowed, fmt::format("only the lake can be changed, not {}", catalog),
              "Connectors are read; write into a table of the lake.");
}

std::unexpected<Error> kept_for_copy(std::string_view schema, std::string_view connector) {
  return fail(ErrorCode::statement_not_allowed,
              fmt::format("the schema belongs to the live copy of connector {}: {}", connector, schema),
              "Only the connector's own changes are written there; a schema of yours has no dot in its name.");
}

/// Whether `path` lies in `directory` after symbolic links; a glob counts by the directory before its first wildcard.
bool lies_in(const std::string& path, const std::filesystem::path& directory) {
  if (path.find("://") != std::string::npos || path.starts_with("file:")) return false;
  std::error_code error;
  std::string fixed = path;
  if (size_t wildcard = path.find_first_of("*?[{"); wildcard != std::string::npos) {
    size_t slash = path.rfind('/', wildcard);
    fixed = slash == std::string::npos ? "." : path.substr(0, slash + 1);
    if (path.find("..", wildcard) != std::string::npos) return false;
  }
  auto inner = std::filesystem::weakly_canonical(std::filesystem::absolute(fixed, error), error);
  if (error) return false;
  auto outer = std::filesystem::weakly_canonical(directory, error);
  if (error) return false;
  auto [end, unused] = std::mismatch(outer.begin(), outer.end(), inner.begin(), inner.end());
  // "/data/" has an empty last component.
  return end == outer.end() || (std::next(end) == outer.end() && end->empty());
}

std::vector<std::string> paths_of(const duckdb::LogicalGet& get) {
  std::vector<std::string> paths;
  if (get.parameters.empty()) {  // COPY ... FROM has no call
    auto* scan = dynamic_cast<duckdb::MultiFileBindData*>(get.bind_data.get());
    if (scan == nullptr) return paths;
    for (const auto& file : scan->file_list->GetAllFiles()) paths.push_back(file.path);
    return paths;
  }
  const auto& first = get.parameters[0];
  if (first.type().id() != duckdb::LogicalTypeId::LIST) return {first.IsNull() ? std::string() : first.ToString()};
  for (const auto& path : duckdb::ListValue::GetChildren(first)) paths.push_back(path.ToString());
  return paths;
}

}  // namespace

bool AllowList::may_see(std::string_view catalog, std::string_view schema) const {
  if (!confined()) return true;
  const bool ours = same(catalog, lake::kCatalog) || same(catalog, lake::kHotCatalog);
  std::string_view name = ours ? schema : catalog;
  // Who may see a connector may see its live copy.
  const auto connector = ours ? lake::copy_connector(schema) : std::string_view();
  return principal_.may_see(name) || (!connector.empty() && principal_.may_see(connector));
}

Status AllowList::table(std::string_view catalog, std::string_view schema, std::string_view name) const {
  std::string full = fmt::format("{}.{}.{}", catalog, schema, name);
  // What is in no schema of a copy is the landing's own.
  const bool inside = same(catalog, lake::kHotCatalog) && lake::copy_connector(schema).empty();
  if (catalog.starts_with(kMetadataPrefix) || inside) {
    return at_least(Role::admin) ? Status() : not_for(principal_, "the lake's own catalog", full);
  }
  bool own = same(catalog, "system") || same(catalog, "temp");
  if (own || may_see(catalog, schema)) return {};
  return confined_away("the table", full);
}

Status AllowList::table_function(std::string_view name) const {
  switch (kind_of_table_function(name)) {
    case TableFunctionKind::harmless:
      return {};
    case TableFunctionKind::metadata:
      return confined() ? confined_away("a list of all names", name) : Status();
    case TableFunctionKind::inside:
      return at_least(Role::admin) && !confined() ? Status() : not_for(principal_, "the function", name);
    case TableFunctionKind::files:
      if (!at_least(Role::admin)) return not_for(principal_, "reading files", name);
      if (!allow_dirs_.empty()) return {};
      return fail(ErrorCode::statement_not_allowed, fmt::format("reading files is not enabled: {}", name),
                  "Start the server with --allow-dir.");
    case TableFunctionKind::unknown:
      break;
  }
  return not_for(principal_, "the table function", name);
}

Status AllowList::scalar_function(std::string_view name) const {
  if (at_least(Role::admin) || !is_unsafe_scalar_function(name)) return {};
  return not_for(principal_, "the function", name);
}

Status AllowList::file(const std::string& path) const {
  for (const auto& directory : allow_dirs_) {
    if (lies_in(path, directory)) return {};
  }
  return fail(ErrorCode::statement_not_allowed, "the file is outside every --allow-dir: " + path,
              "Start the server with --allow-dir for its directory.");
}

Status AllowList::entry(duckdb::CatalogEntry& entry) const {
  switch (entry.type) {
    case CatalogType::TABLE_ENTRY:
    case CatalogType::VIEW_ENTRY:
      return table(entry.ParentCatalog().GetName(), entry.ParentSchema().name, entry.name);
    case CatalogType::TABLE_FUNCTION_ENTRY:
      return table_function(entry.name);
    case CatalogType::SCALAR_FUNCTION_ENTRY:
    case CatalogType::MACRO_ENTRY:
      return scalar_function(entry.name);
    case CatalogType::PRAGMA_FUNCTION_ENTRY:
      return is_readable_pragma(entry.name) ? Status() : not_for(principal_, "PRAGMA", entry.name);
    default:
      return {};  // aggregates, table macros (their content is checked), types, collations, schemas
  }
}

Status AllowList::plan(LogicalOperator& plan, const duckdb::StatementProperties& properties) const {
  WEIR_TRY(targets(properties));
  return plan_node(plan);
}

Status AllowList::targets(const duckdb::StatementProperties& properties) const {
  for (const auto& [catalog, unused] : properties.modified_databases) {
    if (same(catalog, lake::kCatalog) || same(catalog, "temp")) continue;
    return only_the_lake(catalog);
  }
  return {};
}

Status AllowList::target(std::string_view catalog, std::string_view schema) const {
  if (!at_least(Role::write)) return not_for(principal_, "changing a table", fmt::format("{}.{}", catalog, schema));
  // CREATE SCHEMA names no catalog when it means the default one, which `targets` has seen.
  if (!catalog.empty() && !same(catalog, lake::kCatalog)) return only_the_lake(catalog);
  if (const auto connector = lake::copy_connector(schema); !connector.empty()) return kept_for_copy(schema, connector);
  return may_see(lake::kCatalog, schema) ? Status() : confined_away("the schema", schema);
}

Status AllowList::plan_node(LogicalOperator& node) const {
  WEIR_TRY(expressions(node));
  if (node.type == LogicalOperatorType::LOGICAL_GET) {
    WEIR_TRY(scan(node));
  } else if (std::find(kHarmless.begin(), kHarmless.end(), node.type) == kHarmless.end()) {
    WEIR_TRY(change(node));
  }
  for (auto& child : node.children) WEIR_TRY(plan_node(*child));
  return {};
}

Status AllowList::scan(LogicalOperator& node) const {
  auto& get = node.Cast<duckdb::LogicalGet>();
  if (auto entry = get.GetTable()) return this->entry(*entry);
  WEIR_TRY(table_function(get.function.name));
  if (kind_of_table_function(get.function.name) != TableFunctionKind::files) return {};
  return files_of(node);
}

Status AllowList::files_of(LogicalOperator& node) const {
  auto& get = node.Cast<duckdb::LogicalGet>();
  auto paths = paths_of(get);
  if (paths.empty()) return not_for(principal_, "reading unknown files", get.function.name);
  for (const auto& path : paths) WEIR_TRY(file(path));
  return {};
}

Status AllowList::change(LogicalOperator& node) const {
  auto of_table = [&](const duckdb::TableCatalogEntry& table) {
    return target(table.ParentCatalog().GetName(), table.ParentSchema().name);
  };
  switch (node.type) {
    case LogicalOperatorType::LOGICAL_INSERT:
      return of_table(node.Cast<duckdb::LogicalInsert>().table);
    case LogicalOperatorType::LOGICAL_DELETE:
      return of_table(node.Cast<duckdb::LogicalDelete>().table);
    case LogicalOperatorType::LOGICAL_UPDATE:
      return of_table(node.Cast<duckdb::LogicalUpdate>().table);
    case LogicalOperatorType::LOGICAL_MERGE_INTO:
      return of_table(node.Cast<duckdb::LogicalMergeInto>().table);
    case LogicalOperatorType::LOGICAL_CREATE_TABLE: {
      const auto& schema = node.Cast<duckdb::LogicalCreateTable>().schema;
      return target(schema.ParentCatalog().GetName(), schema.name);
    }
    case LogicalOperatorType::LOGICAL_CREATE_VIEW: {
      const auto& create = node.Cast<duckdb::LogicalCreate>();
      return target(create.info->catalog, create.info->schema);
    }
    case LogicalOperatorType::LOGICAL_CREATE_SCHEMA: {
      const auto& info = *node.Cast<duckdb::LogicalCreate>().info;
      return target(info.catalog, info.schema);
    }
    case LogicalOperatorType::LOGICAL_ALTER: {
      const auto& info = node.Cast<duckdb::LogicalSimple>().info->Cast<duckdb::AlterInfo>();
      return target(info.catalog, info.schema);
    }
    case LogicalOperatorType::LOGICAL_DROP: {
      const auto& info = node.Cast<duckdb::LogicalSimple>().info->Cast<duckdb::DropInfo>();
      return target(info.catalog, info.type == CatalogType::SCHEMA_ENTRY ? info.name : info.schema);
    }
    case LogicalOperatorType::LOGICAL_CREATE_TYPE:
      return {};  // `statement` lets PIVOT's own type through and no other
    case LogicalOperatorType::LOGICAL_COPY_TO_FILE:
      if (!at_least(Role::admin)) return not_for(principal_, "writing files", "COPY");
      return file(node.Cast<duckdb::LogicalCopyToFile>().file_path);
    default:
      return not_for(principal_, "the operation", duckdb::LogicalOperatorToString(node.type));
  }
}

Status AllowList::expressions(LogicalOperator& node) const {
  Status allowed;
  duckdb::LogicalOperatorVisitor::EnumerateExpressions(node, [&](duckdb::unique_ptr<duckdb::Expression>* child) {
    if (allowed) allowed = expression(**child);
  });
  return allowed;
}

Status AllowList::expression(duckdb::Expression& expression) const {
  using duckdb::ExpressionClass;
  if (expression.GetExpressionClass() == ExpressionClass::BOUND_FUNCTION) {
    WEIR_TRY(scalar_function(expression.Cast<duckdb::BoundFunctionExpression>().function.name));
  }
  if (expression.GetExpressionClass() == ExpressionClass::BOUND_SUBQUERY) {
    auto& plan = expression.Cast<duckdb::BoundSubqueryExpression>().subquery.plan;
    if (plan) WEIR_TRY(plan_node(*plan));
  }
  Status allowed;
  duckdb::ExpressionIterator::EnumerateChildren(expression, [&](duckdb::Expression& child) {
    if (allowed) allowed = this->expression(child);
  });
  return allowed;
}

namespace {

constexpr const char* kStateKey = "weir_allow_list";

void check_bound_plan(duckdb::PlannerExtensionInput& input, duckdb::BoundStatement& statement) {
  auto rules = input.context.registered_state->Get<EnforcedRules>(kStateKey);
  if (!rules || !statement.plan) return;
  auto allowed = rules->list().plan(*statement.plan, input.binder.GetStatementProperties());
  if (allowed) return;
  std::string message = allowed.error().message;
  if (auto query = QueryContext::of(input.context)) query->fail(std::move(allowed.error()));
  throw duckdb::PermissionException(message);
}

}  // namespace

void EnforcedRules::install(duckdb::ClientContext& client, Principal principal,
                            std::vector<std::filesystem::path> allow_dirs) {
  client.registered_state->Insert(kStateKey,
                                  duckdb::make_shared_ptr<EnforcedRules>(std::move(principal), std::move(allow_dirs)));
}

LiftedRules::LiftedRules(duckdb::ClientContext& client)
    : client_(client), rules_(client.registered_state->Get<EnforcedRules>(kStateKey)) {
  client_.registered_state->Remove(kStateKey);
}

LiftedRules::~LiftedRules() {
  if (rules_) client_.registered_state->Insert(kStateKey, rules_);
}

void register_allow_list(duckdb::DatabaseInstance& database) {
  duckdb::PlannerExtension extension;
  extension.post_bind_function = check_bound_plan;
  duckdb::PlannerExtension::Register(duckdb::DBConfig::GetConfig(database), std::move(extension));
}

}  // namespace weir::engine
