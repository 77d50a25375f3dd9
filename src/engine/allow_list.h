/// What a role may run. Checked three times, each at the earliest moment at which the thing is known:
///  1. `statement`: the parsed statement, before anything is looked up;
///  2. `entry`: everything that binding finds by name, before that thing's own code runs (some functions read files or
///     evaluate their arguments while they are bound), inside views, macros and subqueries too;
///  3. `plan`: the bound plan, for every plan of a user's connection, whoever made DuckDB plan it.
/// Behind all three DuckDB itself can open no file outside the data directory and --allow-dir (database.cc), and none
/// but the lake's for those who may read no files (lake_files_only.h).
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include <duckdb.hpp>
#include <duckdb/main/client_context_state.hpp>
#include <duckdb/parser/parsed_data/copy_info.hpp>
#include <duckdb/parser/parsed_data/pragma_info.hpp>

#include "base/result.h"
#include "engine/engine.h"

namespace weir::engine {

/// The rules for one principal. Borrows both arguments. All errors: statement_not_allowed, not_available_yet.
class AllowList {
 public:
  AllowList(const Principal& principal, std::span<const std::filesystem::path> allow_dirs)
      : principal_(principal), allow_dirs_(allow_dirs) {}

  Status statement(const duckdb::SQLStatement& statement) const;
  Status entry(duckdb::CatalogEntry& entry) const;
  Status plan(duckdb::LogicalOperator& plan, const duckdb::StatementProperties& properties) const;

  /// Whether the principal may know of a schema of the lake, or of a connector (then `schema` does not matter).
  bool may_see(std::string_view catalog, std::string_view schema) const;

 private:
  bool confined() const { return !principal_.schemas.empty(); }
  bool at_least(Role role) const { return principal_.role >= role; }

  Status create(const duckdb::CreateInfo& info) const;
  Status alter(const duckdb::AlterInfo& info) const;
  Status set(const duckdb::SQLStatement& statement) const;
  Status pragma(const duckdb::PragmaInfo& info) const;
  Status copy(const duckdb::CopyInfo& info) const;

  Status table(std::string_view catalog, std::string_view schema, std::string_view name) const;
  Status table_function(std::string_view name) const;
  Status scalar_function(std::string_view name) const;
  Status parsed_expression(const duckdb::ParsedExpression& expression) const;
  Status file(const std::string& path) const;

  Status targets(const duckdb::StatementProperties& properties) const;
  Status target(std::string_view catalog, std::string_view schema) const;
  Status plan_node(duckdb::LogicalOperator& node) const;
  Status scan(duckdb::LogicalOperator& node) const;
  Status files_of(duckdb::LogicalOperator& node) const;
  Status change(duckdb::LogicalOperator& node) const;
  Status expressions(duckdb::LogicalOperator& node) const;
  Status expression(duckdb::Expression& expression) const;

  const Principal& principal_;
  std::span<const std::filesystem::path> allow_dirs_;
};

/// The rules of one connection, as DuckDB's state of it.
class EnforcedRules final : public duckdb::ClientContextState {
 public:
  EnforcedRules(Principal principal, std::vector<std::filesystem::path> allow_dirs)
      : principal_(std::move(principal)), allow_dirs_(std::move(allow_dirs)) {}
  static void install(duckdb::ClientContext& client, Principal principal,
                      std::vector<std::filesystem::path> allow_dirs);
  AllowList list() const { return AllowList(principal_, allow_dirs_); }

 private:
  Principal principal_;
  std::vector<std::filesystem::path> allow_dirs_;
};

/// Lifts the rules of a connection while it lives: for the engine's own statements on a user's connection.
class LiftedRules {
 public:
  explicit LiftedRules(duckdb::ClientContext& client);
  ~LiftedRules();
  LiftedRules(const LiftedRules&) = delete;
  LiftedRules& operator=(const LiftedRules&) = delete;

 private:
  duckdb::ClientContext& client_;
  duckdb::shared_ptr<duckdb::ClientContextState> rules_;
};

/// Makes DuckDB hold every plan of a connection that has EnforcedRules against them. Other connections are the engine's
/// and DuckLake's own.
void register_allow_list(duckdb::DatabaseInstance& database);

}  // namespace weir::engine
