/// The one planner of whole queries: takes operator after operator, from the tables upwards, and refuses what the
/// source is not trusted with.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <vector>

#include "plan/capabilities.h"
#include "plan/query.h"

namespace weir::plan {

/// One SELECT that grows. A clause that SQL evaluates too late for the next operator makes what is there a query in
/// FROM. Expressions given to it name its `columns` by their position. After a refusal it must not be used any more.
/// Borrows nothing.
class QueryBuilder {
 public:
  using Verdict = std::expected<void, Refusal>;

  /// All rows of a table for which `filters`, which may be pushed, hold.
  QueryBuilder(TableName table, std::vector<Column> columns, std::vector<ExpressionPtr> filters,
               const Capabilities& capabilities);

  /// What the rows have now.
  const std::vector<Column>& columns() const { return query_.columns; }
  /// More than a scan of one table can do by itself.
  bool is_worth_pushing() const { return worth_; }
  /// Its rows are the first ones by an order, and come in this order.
  bool is_ordered() const { return !query_.order.empty(); }
  std::optional<uint64_t> limit() const { return query_.limit; }

  Verdict filter(const ExpressionPtr& predicate);
  /// Columns, which may be named more than once, constants, and what may be computed from them.
  Verdict select(const std::vector<ExpressionPtr>& values);
  /// Afterwards the columns are the keys, then the aggregates.
  Verdict group(const std::vector<ExpressionPtr>& keys, const std::vector<Aggregate>& aggregates);
  Verdict distinct();
  Verdict first(const std::vector<SortKey>& order, uint64_t limit, uint64_t offset);
  /// Any so many rows.
  Verdict limit(uint64_t limit, uint64_t offset);
  /// `on` names the columns of both sides, one after the other, and so are the columns afterwards; of a semi or an anti
  /// join, or of NOT IN, they are the left ones.
  Verdict join(JoinKind kind, QueryBuilder right, const std::vector<ExpressionPtr>& on);
  Verdict union_all(std::vector<QueryBuilder> others);

  QueryPtr build() const;

 private:
  ExpressionPtr inner(const ExpressionPtr& expression) const;
  std::vector<ExpressionPtr> inner(const std::vector<ExpressionPtr>& expressions) const;
  Aggregate inner(const Aggregate& aggregate) const;
  Verdict check(Operation operation, const ExpressionPtr& value, const std::vector<Column>& columns) const;
  Verdict check(const Aggregate& aggregate) const;
  Verdict check_grouped(const std::vector<ExpressionPtr>& values, const std::vector<Column>& columns) const;
  Verdict sort(const std::vector<SortKey>& order);
  Verdict settle_not_in(const std::vector<Column>& inputs);
  bool is_bare() const;
  void nest();
  void show_all(std::vector<Column> columns);

  Capabilities capabilities_;
  Query query_;
  bool worth_ = false;
};

}  // namespace weir::plan
