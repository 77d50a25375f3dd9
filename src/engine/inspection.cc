/// A look at one statement before it runs.
#include "engine/inspection.h"

#include <optional>

#include <duckdb/parser/parsed_data/create_view_info.hpp>
#include <duckdb/parser/statement/create_statement.hpp>
#include <duckdb/parser/statement/explain_statement.hpp>
#include <duckdb/parser/statement/logical_plan_statement.hpp>
#include <duckdb/parser/statement/select_statement.hpp>
#include <duckdb/planner/planner.hpp>

#include "engine/errors.h"
#include "engine/query_context.h"
#include "lake/lake.h"

namespace weir::engine {
namespace {

bool only_explains(const duckdb::SQLStatement& statement) {
  return statement.type == duckdb::StatementType::EXPLAIN_STATEMENT &&
         statement.Cast<duckdb::ExplainStatement>().explain_type == duckdb::ExplainType::EXPLAIN_STANDARD;
}

/// The query of CREATE VIEW, which DuckDB binds with a look-up callback of its own.
const duckdb::SelectStatement* view_query(const duckdb::SQLStatement& statement) {
  if (statement.type != duckdb::StatementType::CREATE_STATEMENT) return nullptr;
  const auto& info = *statement.Cast<duckdb::CreateStatement>().info;
  if (info.type != duckdb::CatalogType::VIEW_ENTRY) return nullptr;
  return info.Cast<duckdb::CreateViewInfo>().query.get();
}

/// Whether the plan is all that there is to know of the statement.
bool can_run_plan(const duckdb::SQLStatement& statement, const duckdb::Planner& planner) {
  return statement.type == duckdb::StatementType::SELECT_STATEMENT && planner.properties.modified_databases.empty() &&
         planner.properties.bound_all_parameters && planner.value_map.empty();
}

/// An error that a source or the allow-list kept for us says more than DuckDB's exception about it.
Error the_real_one(duckdb::ClientContext& client, Error error) {
  auto query = QueryContext::of(client);
  auto own = query ? query->take_error() : std::nullopt;
  return own ? std::move(*own) : std::move(error);
}

}  // namespace

Result<Inspection> inspect(duckdb::ClientContext& client, const duckdb::SQLStatement& statement,
                           const ParameterValues& values, const AllowList& rules, std::string_view sql) {
  if (const auto* query = view_query(statement)) WEIR_TRY(inspect(client, *query, values, rules, sql));
  Inspection seen;
  std::optional<Error> refused;
  auto look_up = [&](duckdb::CatalogEntry& entry) {
    auto allowed = rules.entry(entry);
    if (allowed) return;
    if (!refused) refused = allowed.error();
    throw duckdb::PermissionException(allowed.error().message);
  };
  auto bound = guarded(sql, [&] {
    client.RunFunctionInTransaction([&] {
      duckdb::Planner planner(client);
      planner.parameter_data = values;
      planner.binder->SetCatalogLookupCallback(look_up);
      planner.CreatePlan(statement.Copy());
      if (refused || !planner.plan) return;
      seen.names = planner.names;
      seen.types = planner.types;
      seen.changes_lake =
          planner.properties.modified_databases.contains(std::string(lake::kCatalog)) && !only_explains(statement);
      seen.reads_here = reads_here(*planner.plan);
      seen.lake_reads = lake_reads(*planner.plan, statement);
      if (!can_run_plan(statement, planner)) return;
      planner.plan->ResolveOperatorTypes();
      seen.plan = std::move(planner.plan);
    });
  });
  // DuckDB may try another meaning of a name after the first was refused; what was refused stays refused.
  if (refused) return fail(std::move(*refused));
  if (!bound) return fail(the_real_one(client, std::move(bound.error())));
  return seen;
}

duckdb::unique_ptr<duckdb::SQLStatement> statement_of(duckdb::unique_ptr<duckdb::LogicalOperator> plan,
                                                      const std::string& sql) {
  auto statement = duckdb::make_uniq<duckdb::LogicalPlanStatement>(std::move(plan));
  statement->query = sql;
  return statement;
}

}  // namespace weir::engine
