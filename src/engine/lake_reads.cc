/// Which tables of the lake a statement reads.
#include "engine/lake_reads.h"

#include <algorithm>

#include <duckdb/catalog/catalog_entry/table_catalog_entry.hpp>
#include <duckdb/common/multi_file/multi_file_states.hpp>
#include <duckdb/parser/expression/constant_expression.hpp>
#include <duckdb/parser/expression/subquery_expression.hpp>
#include <duckdb/parser/parsed_expression_iterator.hpp>
#include <duckdb/parser/statement/explain_statement.hpp>
#include <duckdb/parser/statement/select_statement.hpp>
#include <duckdb/parser/tableref/basetableref.hpp>
#include <duckdb/planner/operator/logical_get.hpp>

#include "engine/remote_relation.h"
#include "lake/lake.h"

namespace weir::engine {
namespace {

/// The AT clauses of a parsed query, by the bare name of their table. A table that is named twice with different ones
/// keeps the last: the freshness of an answer has one line for each table.
class AtClauses {
 public:
  explicit AtClauses(const duckdb::SQLStatement& statement) {
    if (statement.type == duckdb::StatementType::SELECT_STATEMENT) {
      visit(*statement.Cast<duckdb::SelectStatement>().node);
    } else if (statement.type == duckdb::StatementType::EXPLAIN_STATEMENT) {
      *this = AtClauses(*statement.Cast<duckdb::ExplainStatement>().stmt);
    }
  }

  void apply(const std::string& name, LakeRead& read) const {
    auto found = clauses_.find(name);
    if (found == clauses_.end()) return;
    read.at_version = found->second;
    read.at_other_time = !found->second;
  }

 private:
  void visit(duckdb::QueryNode& node) {
    duckdb::ParsedExpressionIterator::EnumerateQueryNodeChildren(
        node, [&](duckdb::unique_ptr<duckdb::ParsedExpression>& child) { visit(*child); },
        [&](duckdb::TableRef& ref) { look_at(ref); });
  }

  void visit(duckdb::ParsedExpression& expression) {
    if (expression.GetExpressionClass() == duckdb::ExpressionClass::SUBQUERY) {
      visit(*expression.Cast<duckdb::SubqueryExpression>().subquery->node);
    }
    duckdb::ParsedExpressionIterator::EnumerateChildren(
        expression, [&](duckdb::unique_ptr<duckdb::ParsedExpression>& child) { visit(*child); });
  }

  void look_at(duckdb::TableRef& ref) {
    if (ref.type != duckdb::TableReferenceType::BASE_TABLE) return;
    const auto& table = ref.Cast<duckdb::BaseTableRef>();
    if (!table.at_clause) return;
    auto& at = *table.at_clause;
    bool version = duckdb::StringUtil::CIEquals(at.Unit(), "version");
    bool constant = at.ExpressionMutable()->GetExpressionClass() == duckdb::ExpressionClass::CONSTANT;
    clauses_[table.table_name] =
        version && constant
            ? std::optional(at.ExpressionMutable()->Cast<duckdb::ConstantExpression>().value.GetValue<int64_t>())
            : std::nullopt;
  }

  std::map<std::string, std::optional<int64_t>> clauses_;
};

/// How many files the scan would read if none could be left out. Asks the catalog, as the scan itself will.
uint64_t extents_of(const duckdb::LogicalGet& get) {
  auto* scan = dynamic_cast<duckdb::MultiFileBindData*>(get.bind_data.get());
  return scan == nullptr || !scan->file_list ? 0 : scan->file_list->GetTotalFileCount();
}

void collect(duckdb::LogicalOperator& node, const AtClauses& clauses, std::vector<LakeRead>& reads) {
  if (node.type == duckdb::LogicalOperatorType::LOGICAL_GET) {
    auto& get = node.Cast<duckdb::LogicalGet>();
    auto entry = get.GetTable();
    if (entry && entry->ParentCatalog().GetName() == lake::kCatalog) {
      LakeRead read;
      read.table = std::string(lake::kCatalog) + "." + entry->ParentSchema().name + "." + entry->name;
      clauses.apply(entry->name, read);
      read.extents = extents_of(get);
      auto same =
          std::find_if(reads.begin(), reads.end(), [&](const auto& known) { return known.table == read.table; });
      if (same == reads.end()) {
        reads.push_back(std::move(read));
      } else {
        same->extents += read.extents;
      }
    }
  }
  for (auto& child : node.children) collect(*child, clauses, reads);
}

}  // namespace

bool reads_here(duckdb::LogicalOperator& plan) {
  if (plan.type == duckdb::LogicalOperatorType::LOGICAL_GET && RemoteRelation::of(plan) == nullptr) return true;
  return std::ranges::any_of(plan.children, [](const auto& child) { return reads_here(*child); });
}

std::vector<LakeRead> lake_reads(duckdb::LogicalOperator& plan, const duckdb::SQLStatement& statement) {
  std::vector<LakeRead> reads;
  collect(plan, AtClauses(statement), reads);
  return reads;
}

}  // namespace weir::engine
