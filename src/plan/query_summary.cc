#include "plan/query_summary.h"

#include "plan/capabilities.h"

namespace weir::plan {
namespace {

class Summarizer {
 public:
  Summarizer(ScanSummary& summary, int& next_parameter) : summary_(summary), next_parameter_(next_parameter) {}

  void add(const Query& query, bool outermost) {
    add(query.from);
    const auto inputs = shown_inputs(query);
    for (const auto& join : query.joins) {
      summary_.join_pushed = true;
      add(join.right);
      add_filters(join.on, inputs);
    }
    add_filters(query.filters, inputs);
    const auto results = result_columns(query, inputs);
    if (query.grouping) add(*query.grouping, results);
    if (query.distinct) summary_.agg_pushed.emplace_back("DISTINCT");
    for (const auto& key : query.order) {
      summary_.sort_pushed.push_back(shown(*key.key, results) + (key.descending ? " DESC" : " ASC") +
                                     (key.nulls_first ? " NULLS FIRST" : " NULLS LAST"));
    }
    if (outermost && query.limit) summary_.limit_pushed = query.limit;
  }

 private:
  /// Where several tables are joined, each column with its table's name.
  std::vector<Column> shown_inputs(const Query& query) {
    auto columns = input_columns(query);
    if (query.joins.empty()) return columns;
    size_t first = 0;
    const auto name_columns = [&](const Input& input) {
      const auto* table = std::get_if<TableName>(&input.from);
      for (size_t i = first; table != nullptr && i < first + input.columns.size(); ++i) {
        columns[i].name = table->table + "." + shown_name(i, columns);
        columns[i].is_computed = true;
      }
      first += input.columns.size();
    };
    name_columns(query.from);
    for (const auto& join : query.joins) name_columns(join.right);
    return columns;
  }

  void add(const Input& input) {
    if (const auto* table = std::get_if<TableName>(&input.from)) {
      summary_.table += (summary_.table.empty() ? "" : ", ") + table->to_string();
    } else if (const auto* query = std::get_if<QueryPtr>(&input.from)) {
      add(**query, false);
    } else {
      for (const auto& part : std::get<UnionAll>(input.from).queries) add(*part, false);
    }
  }

  void add(const Grouping& grouping, const std::vector<Column>& results) {
    for (size_t i = grouping.keys.size(); i < results.size(); ++i) summary_.agg_pushed.push_back(results[i].name);
    std::string keys;
    for (size_t i = 0; i < grouping.keys.size(); ++i) keys += (i == 0 ? "" : ", ") + shown_name(i, results);
    if (!keys.empty()) summary_.agg_pushed.push_back("GROUP BY " + keys);
    add_filters(grouping.having, results);
  }

  void add_filters(const std::vector<ExpressionPtr>& filters, const std::vector<Column>& columns) {
    for (const auto& filter : filters) summary_.filters_pushed.push_back(shown(*filter, columns));
  }

  std::string shown_name(size_t column, const std::vector<Column>& columns) {
    return shown(Expression{ColumnRef{column}}, columns);
  }
  std::string shown(const Expression& expression, const std::vector<Column>& columns) {
    return display(expression, columns, next_parameter_);
  }

  ScanSummary& summary_;
  int& next_parameter_;
};

}  // namespace

void summarize(const Query& query, ScanSummary& summary, int& next_parameter) {
  summary.table.clear();
  Summarizer(summary, next_parameter).add(query, true);
}

}  // namespace weir::plan
