/// Sub-plans of DuckDB as queries of one source.
#pragma once

#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <duckdb.hpp>
#include <duckdb/planner/bound_result_modifier.hpp>
#include <duckdb/planner/logical_operator.hpp>

#include "engine/query_outputs.h"
#include "engine/remote_connector.h"
#include "plan/query_builder.h"

namespace weir::engine {

/// What a sub-plan asks of its source.
struct TranslatedQuery {
  std::vector<std::shared_ptr<const BoundTable>> tables;  ///< that it reads, at least one; all of one connector
  plan::QueryBuilder query;
  QueryOutputs outputs;
  bool reduces = false;      ///< gives fewer rows than it reads, because it groups or stops early
  bool joins_by_key = true;  ///< no join gives more rows than one of its sides has
};

/// The reason for a join that several sources take part in.
inline constexpr std::string_view kCrossSourceJoin = "cross-source join";

/// Why a sub-plan is no query of one source.
struct Untranslated {
  const duckdb::LogicalOperator* op = nullptr;  ///< the operator that is in the way
  std::string reason;                           ///< names it; empty when there is nothing to say
};

/// Pure. The plan's types must have been resolved.
std::expected<TranslatedQuery, Untranslated> translate_plan(duckdb::LogicalOperator& plan);

}  // namespace weir::engine
