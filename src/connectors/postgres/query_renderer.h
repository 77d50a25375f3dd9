/// Whole queries of a plan → SELECT statements of PostgreSQL.
#pragma once

#include <string>
#include <vector>

#include "connectors/postgres/expression_renderer.h"
#include "plan/query.h"

namespace weir::postgres {

/// Renders what a `plan::QueryBuilder` has built under `capabilities`. One renderer for one statement, so that no two
/// of its tables have the same name.
class QueryRenderer {
 public:
  explicit QueryRenderer(const PlaceConstant& place) : place_(place) {}

  /// A SELECT whose columns are named c0, c1 …; `in_wire_form`: as BatchDecoder reads them.
  std::string render(const plan::Query& query, bool in_wire_form);
  static std::string output_name(size_t output);

 private:
  /// Columns that expressions may name, and what stands for them in the statement.
  struct Space {
    std::vector<plan::Column> columns;
    std::vector<std::string> texts;
  };
  struct From {
    std::string text;
    Space space;
    std::vector<std::string> conditions;  ///< of semi and anti joins
  };

  From from(const plan::Query& query);
  void add_null_conditions(const plan::Join& join, const Space& left, std::vector<std::string>& conditions);
  std::string input(const plan::Input& input, Space& space, bool is_asked_for_matches = false);
  Space grouped(const plan::Query& query, const Space& inputs) const;
  std::string outputs(const plan::Query& query, const Space& space, bool in_wire_form) const;
  std::string aggregate(const plan::Aggregate& aggregate, const Space& space) const;
  std::string value(const plan::Expression& expression, const Space& space) const;
  std::string compared(const plan::Expression& expression, const Space& space) const;
  std::vector<std::string> all_of(const std::vector<plan::ExpressionPtr>& predicates, const Space& space) const;
  std::string sort_key(const plan::SortKey& key, const Space& space) const;

  const PlaceConstant& place_;
  int aliases_ = 0;
};

/// What `value` of `column` must be cast to, so that BatchDecoder can read it: "::text", or nothing.
std::string wire_cast(const plan::Column& column);

}  // namespace weir::postgres
