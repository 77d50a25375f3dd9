/// Join conditions that would keep others from telling a scan the keys.
#pragma once

#include <vector>

#include <duckdb.hpp>
#include <duckdb/planner/joinside.hpp>
#include <duckdb/planner/logical_operator.hpp>

namespace weir::engine {

/// While it lives, DuckDB's pass for join filters does not see the conditions of a plan's joins whose left side is
/// computed above the scans: it would give up those beside them as well. Must not outlive the plan.
class HiddenConditions {
 public:
  explicit HiddenConditions(duckdb::LogicalOperator& plan) { hide(plan); }
  ~HiddenConditions();
  HiddenConditions(const HiddenConditions&) = delete;
  HiddenConditions& operator=(const HiddenConditions&) = delete;

 private:
  struct Hidden {
    duckdb::JoinCondition* condition;
    duckdb::ExpressionType comparison;
  };
  void hide(duckdb::LogicalOperator& op);

  std::vector<Hidden> hidden_;
};

}  // namespace weir::engine
