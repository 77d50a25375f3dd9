#include "connectors/postgres/postgres_introspection.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <tuple>

#include <fmt/format.h>
#include <libpq-fe.h>

namespace weir::postgres {
namespace {

/// For what nobody has counted (views, foreign tables, tables before their first ANALYZE): large enough to be read as a
/// stream, small enough not to be taken for the large side of a join.
constexpr uint64_t kUnknownRows = 100'000;
constexpr uint64_t kUnknownRowBytes = 100;
constexpr uint64_t kPageBytes = 8192;

constexpr const char* kTypes =
    "SELECT oid, typname, typtype, CASE WHEN typcategory = 'A' AND typlen = -1 THEN typelem ELSE 0 END, typbasetype, "
    "typtypmod, typndims FROM pg_type WHERE typtype <> 'c'";

/// One row for each visible column, in the order of the tables' names and the columns' numbers. Sizes of a partitioned
/// table are the sums of its partitions'. Only system catalogs are read, which never waits for a table's lock.
constexpr const char* kColumns = R"(
WITH RECURSIVE tree(root, relation) AS (
    SELECT oid, oid FROM pg_class WHERE relkind = 'p'
  UNION ALL
    SELECT tree.root, i.inhrelid FROM tree JOIN pg_inherits i ON i.inhparent = tree.relation),
sizes AS (
  SELECT tree.root, sum(greatest(c.reltuples, 0)) AS tuples, sum(c.relpages) AS pages
  FROM tree JOIN pg_class c ON c.oid = tree.relation AND c.relkind <> 'p' GROUP BY tree.root)
SELECT n.nspname, c.relname, coalesce(s.tuples, c.reltuples)::float8, coalesce(s.pages, c.relpages)::int8,
       a.attname, a.atttypid, a.atttypmod, a.attndims, {}, coalesce(co.collisdeterministic, true),
       format_type(a.atttypid, a.atttypmod), coalesce(array_position(k.indkey::int2[], a.attnum), -1),
       coalesce(st.n_distinct, 0)::float8, coalesce(st.null_frac, 0)::float8, coalesce(st.correlation, 0)::float8,
       EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisvalid AND i.indkey[0] = a.attnum)
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_collation co ON co.oid = a.attcollation
LEFT JOIN pg_index k ON k.indrelid = c.oid AND k.indisprimary
LEFT JOIN sizes s ON s.root = c.oid
LEFT JOIN pg_stats st ON st.schemaname = n.nspname AND st.tablename = c.relname AND st.attname = a.attname
  AND st.inherited = (c.relkind = 'p')
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND {}
  AND has_schema_privilege(n.oid, 'USAGE') AND has_column_privilege(c.oid, a.attnum, 'SELECT')
ORDER BY n.nspname, c.relname, a.attnum)";

constexpr const char* kNotOfTheSystem =
    "n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\\_toast%' "
    "AND n.nspname NOT LIKE 'pg\\_temp\\_%'";

std::string schema_condition(const PostgresOptions& options) {
  if (options.include_schemas.empty()) return kNotOfTheSystem;
  std::string list;
  for (const std::string& schema : options.include_schemas) {
    list += (list.empty() ? "" : ", ") + quote_literal(schema);
  }
  return "n.nspname IN (" + list + ")";
}

/// The columns of kColumns.
enum Field : int {
  kSchema,
  kTable,
  kTuples,
  kPages,
  kName,
  kTypeOid,
  kTypeModifier,
  kDimensions,
  kNotNull,
  kDeterministic,
  kTypeText,
  kKeyPosition,
  kDistinct,
  kNullShare,
  kCorrelation,
  kLeadsAnIndex
};

template <typename Number>
Number number_at(const pg_result* result, int row, int column) {
  const char* text = PQgetvalue(result, row, column);
  Number number{};
  std::from_chars(text, text + PQgetlength(result, row, column), number);
  return number;
}

bool truth_at(const pg_result* result, int row, int column) { return *PQgetvalue(result, row, column) == 't'; }

ColumnFacts read_column(const pg_result* result, int row) {
  return {.name = text_at(result, row, kName),
          .type_oid = number_at<uint32_t>(result, row, kTypeOid),
          .type_modifier = number_at<int32_t>(result, row, kTypeModifier),
          .dimensions = number_at<int32_t>(result, row, kDimensions),
          .not_null = truth_at(result, row, kNotNull),
          .collation_deterministic = truth_at(result, row, kDeterministic),
          .type_text = text_at(result, row, kTypeText)};
}

/// PostgreSQL writes a number of distinct values that grows with the table as a negative share of its rows.
connector::ColumnStatistics read_statistics(const pg_result* result, int row, uint64_t rows) {
  const auto distinct = number_at<double>(result, row, kDistinct);
  return {.distinct_values = distinct < 0 ? -distinct * static_cast<double>(rows) : distinct,
          .null_share = number_at<double>(result, row, kNullShare),
          .correlation = number_at<double>(result, row, kCorrelation),
          .leads_an_index = truth_at(result, row, kLeadsAnIndex)};
}

/// The type that a row description shows for a column of type `oid`.
uint32_t sent_oid(uint32_t oid, const TypeCatalog& types) {
  for (auto found = types.find(oid); found != types.end() && found->second.category == 'd';) {
    oid = found->second.base_oid;
    found = types.find(oid);
  }
  return oid;
}

void set_sizes(connector::TableInfo& table, double tuples, uint64_t pages) {
  // -1 (14 and later), or no pages and no tuples: never analysed.
  const bool known = tuples > 0 || (tuples == 0 && pages > 0);
  table.estimated_rows = known ? static_cast<uint64_t>(std::llround(tuples)) : kUnknownRows;
  table.estimated_bytes = known ? pages * kPageBytes : kUnknownRows * kUnknownRowBytes;
}

/// One table's rows of kColumns, from `row` on. Returns the row behind them.
int read_table(const pg_result* result, int row, const TypeCatalog& types, const PostgresOptions& options,
               connector::SourceSchema& schema, Introspection& found) {
  connector::TableInfo table;
  table.name = {text_at(result, row, kSchema), text_at(result, row, kTable)};
  set_sizes(table, std::strtod(PQgetvalue(result, row, kTuples), nullptr), number_at<uint64_t>(result, row, kPages));
  ColumnOids oids;
  std::vector<std::pair<int, std::string>> key;
  for (; row < PQntuples(result); row++) {
    if (text_at(result, row, kTable) != table.name.table || text_at(result, row, kSchema) != table.name.schema) break;
    const ColumnFacts facts = read_column(result, row);
    table.columns.push_back(map_column(facts, types, options.types));
    table.statistics.push_back(read_statistics(result, row, table.estimated_rows));
    oids.emplace(facts.name, sent_oid(facts.type_oid, types));
    if (const int at = number_at<int>(result, row, kKeyPosition); at >= 0) key.emplace_back(at, facts.name);
  }
  std::sort(key.begin(), key.end());
  for (auto& [position, name] : key) table.primary_key.push_back(std::move(name));
  if (in_scope(options, table.name)) {
    found.oids.emplace(table.name, std::move(oids));
    schema.tables.emplace(table.name, std::move(table));
  }
  return row;
}

}  // namespace

const char* type_catalog_query() { return kTypes; }

TypeCatalog read_type_catalog(const pg_result* result) {
  TypeCatalog types;
  for (int row = 0; row < PQntuples(result); row++) {
    types[number_at<uint32_t>(result, row, 0)] = {.name = text_at(result, row, 1),
                                                  .category = *PQgetvalue(result, row, 2),
                                                  .element_oid = number_at<uint32_t>(result, row, 3),
                                                  .base_oid = number_at<uint32_t>(result, row, 4),
                                                  .base_modifier = number_at<int32_t>(result, row, 5),
                                                  .base_dimensions = number_at<int32_t>(result, row, 6)};
  }
  return types;
}

Result<IntrospectionPtr> introspect(Connection& connection, const PostgresOptions& options, Waiter& waiter,
                                    Deadline deadline) {
  const std::string text = std::string(kTypes) + ";" + fmt::format(kColumns, kNeverNull, schema_condition(options));
  const auto results = WEIR_TRY(connection.run(text, waiter, deadline));
  const TypeCatalog types = read_type_catalog(results.at(0).get());
  auto schema = std::make_shared<connector::SourceSchema>();
  auto found = std::make_shared<Introspection>();
  const pg_result* columns = results.at(1).get();
  for (int row = 0; row < PQntuples(columns);) row = read_table(columns, row, types, options, *schema, *found);
  schema->read_at = std::chrono::system_clock::now();
  found->schema = std::move(schema);
  return found;
}

}  // namespace weir::postgres
