/// A look at one statement before it runs: bound against the catalogs and held against the allow-list.
#pragma once

#include <string_view>
#include <vector>

#include <duckdb.hpp>

#include "engine/allow_list.h"
#include "engine/lake_reads.h"
#include "engine/parameters.h"

namespace weir::engine {

struct Inspection {
  duckdb::vector<std::string> names;
  duckdb::vector<duckdb::LogicalType> types;
  bool changes_lake = false;  ///< belongs to the committer
  bool reads_here = false;    ///< DuckDB itself scans something
  std::vector<LakeRead> lake_reads;
  /// Of a SELECT that changes nothing, so that it need not be bound again. It belongs to the transaction in which it
  /// was made, and must be gone before that ends.
  duckdb::unique_ptr<duckdb::LogicalOperator> plan;
};

/// A statement that runs the plan; it takes no parameters.
duckdb::unique_ptr<duckdb::SQLStatement> statement_of(duckdb::unique_ptr<duckdb::LogicalOperator> plan,
                                                      const std::string& sql);

/// Binds a copy of `statement` in `client`'s transaction, or in one of its own. `sql` is the text that it came from,
/// for positions. Errors: statement_not_allowed, invalid_query, table_not_found and the like, source_*.
Result<Inspection> inspect(duckdb::ClientContext& client, const duckdb::SQLStatement& statement,
                           const ParameterValues& values, const AllowList& rules, std::string_view sql);

}  // namespace weir::engine
