#include "sync/verify.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "sync/copy_sql.h"

namespace weir::sync {
namespace {

using connector::ChangeTable;
using plan::Column;
using plan::Kind;

/// How a side's rows show a column in its stored form.
using Value = std::string (*)(const Column& column);

std::string source_value(const Column& column) {
  return fmt::format("CAST({} AS {})", to_stored("s." + identifier(column.name), column.type),
                     stored_type(column.type));
}
std::string copy_value(const Column& column) {
  return fmt::format("CAST({} AS {})", identifier(column.name), stored_type(column.type));
}

bool is_float(const plan::Type& type) { return type.kind == Kind::float32 || type.kind == Kind::float64; }

/// A value as it goes into the hash. -0.0 is 0.0: sources take them for equal, and extents keep only one of them when a
/// column has both (DuckDB's dictionaries of Parquet files).
std::string hashed(const std::string& value, const plan::Type& type) {
  if (type.kind != Kind::list) return value;
  // hash() takes [], [NULL] and NULL for one another. As text -0.0 would show.
  if (!is_float(type.children.at(0))) return fmt::format("CAST({} AS VARCHAR)", value);
  return fmt::format("CAST(list_transform({}, lambda e: e + 0) AS VARCHAR)", value);
}

std::string row_hash(const ChangeTable& table, Value value) {
  std::string list;
  for (const auto& column : table.columns) list += (list.empty() ? "" : ", ") + hashed(value(column), column.type);
  return "hash(" + list + ")";
}

std::string row_document(const ChangeTable& table, Value value) {
  std::string fields;
  for (const auto& column : table.columns) {
    fields += fmt::format("{}{}: CAST({} AS VARCHAR)", fields.empty() ? "" : ", ", literal(column.name), value(column));
  }
  return "CAST(to_json({" + fields + "}) AS VARCHAR)";
}

std::string snapshot(const Comparison& comparison) {
  const auto& name = comparison.table.name;
  return fmt::format("weir_snapshot({}, {}, {}, {}) s", literal(comparison.connector), literal(name.schema),
                     literal(name.table), literal(comparison.point));
}

/// The copy's rows, tombstones too, as `select` shows them; `where` may be empty.
std::string copy_rows(const Comparison& comparison, const std::string& select, const std::string& where) {
  const auto lake = lake_rows(comparison.connector, comparison.table);
  const auto hot = hot_table(comparison.connector, comparison.table.name);
  const std::string condition = where.empty() ? "" : " WHERE " + where;
  if (!comparison.hot) return fmt::format("SELECT {} FROM {}{}", select, lake, condition);
  // ANTI JOIN: as in copy_view_sql.
  return fmt::format(
      "SELECT {0} FROM {1} ANTI JOIN (SELECT {4} FROM {2}) USING ({4}){3} "
      "UNION ALL SELECT {0} FROM {2}{3}",
      select, lake, hot, condition, join_columns(comparison.table));
}

std::string list_of(const std::vector<std::string>& values) {
  std::string list;
  for (const auto& value : values) list += (list.empty() ? "" : ", ") + literal(value);
  return "(" + list + ")";
}

bool can_ask(const Column& column) {
  switch (column.type.kind) {
    case Kind::int16:
    case Kind::int32:
    case Kind::int64:
    case Kind::uint32:
    case Kind::uuid:
      return true;
    case Kind::text:
      return !column.cast_to_text && column.collation == plan::Collation::deterministic;
    default:
      return false;
  }
}

}  // namespace

std::vector<std::string> take_snapshots_sql(const Comparison& comparison) {
  const auto& name = comparison.table.name;
  std::vector<std::string> places = {lake_table(comparison.connector, name)};
  if (comparison.hot) places.push_back(hot_table(comparison.connector, name));
  std::vector<std::string> statements;
  for (const auto& place : places) statements.push_back("SELECT count(*) FROM (SELECT 1 FROM " + place + " LIMIT 1)");
  return statements;
}

std::string find_sql(const Comparison& comparison, const std::string& keys) {
  const auto& table = comparison.table;
  const std::string only = comparison.again ? " SEMI JOIN weir_again USING (pk)" : "";
  const auto source = fmt::format(
      "SELECT {} AS pk, 1 AS in_source, 0 AS in_copy, {} AS row_hash, false AS changing FROM {}{}",
      key_text(table, "s."), row_hash(table, source_value), snapshot(comparison), keys.empty() ? "" : " WHERE " + keys);
  const auto later = fmt::format("_kyma_lsn >= {}", literal(comparison.position));
  const auto copy = copy_rows(
      comparison,
      fmt::format("_kyma_pk AS pk, 0 AS in_source, (_kyma_op <> 'delete')::INTEGER AS in_copy, {} AS row_hash, {} AS "
                  "changing",
                  row_hash(table, copy_value), later),
      "(_kyma_op <> 'delete' OR " + later + ")");
  const auto by_key = fmt::format(
      "SELECT pk, sum(in_source) AS in_source, sum(in_copy) AS in_copy, bit_xor(row_hash) AS row_hash, "
      "bool_or(changing) AS changing FROM ({} UNION ALL {}){} GROUP BY pk",
      source, copy, only);
  const auto judged = fmt::format(
      "SELECT pk, in_source, in_copy, CASE WHEN changing THEN 'changing' WHEN in_copy = 0 THEN 'missing' "
      "WHEN in_copy > in_source THEN 'extra' WHEN in_source = 1 AND row_hash = 0 THEN 'equal' ELSE 'different' END "
      "AS kind FROM ({})",
      by_key);
  return fmt::format(
      "CREATE OR REPLACE TEMP TABLE weir_found AS SELECT kind, CASE WHEN kind <> 'equal' THEN pk END AS pk, "
      "count(*) AS keys, sum(in_source) AS in_source, sum(in_copy) AS in_copy FROM ({}) GROUP BY ALL",
      judged);
}

std::string totals_sql() {
  return "SELECT kind, sum(keys), sum(in_source), sum(in_copy) FROM weir_found GROUP BY kind";
}

std::string open_sql() {
  return "SELECT count(*) FROM weir_found f LEFT JOIN weir_again a ON a.pk = f.pk AND a.kind = f.kind "
         "WHERE f.kind = 'changing' OR (f.kind <> 'equal' AND a.pk IS NULL)";
}

std::string again_sql() {
  return "CREATE OR REPLACE TEMP TABLE weir_again AS SELECT pk, kind FROM weir_found WHERE kind <> 'equal'";
}

std::string examples_sql(size_t limit) {
  return fmt::format("SELECT pk, kind FROM weir_found WHERE kind NOT IN ('equal', 'changing') ORDER BY pk LIMIT {}",
                     limit);
}

std::string source_rows_sql(const Comparison& comparison, const std::vector<std::string>& pks,
                            const std::string& keys) {
  const auto pk = key_text(comparison.table, "s.");
  return fmt::format("SELECT {}, {} FROM {} WHERE {}{} IN {}", pk, row_document(comparison.table, source_value),
                     snapshot(comparison), keys.empty() ? "" : keys + " AND ", pk, list_of(pks));
}

std::string copy_rows_sql(const Comparison& comparison, const std::vector<std::string>& pks) {
  return copy_rows(comparison, "_kyma_pk, " + row_document(comparison.table, copy_value),
                   "_kyma_op <> 'delete' AND _kyma_pk IN " + list_of(pks));
}

std::vector<std::string> key_parts(std::string_view pk, size_t columns) {
  if (columns == 1) return {std::string(pk)};
  std::vector<std::string> parts(1);
  for (size_t i = 0; i < pk.size(); ++i) {
    if (pk[i] == '\\' && i + 1 < pk.size()) {
      parts.back() += pk[++i];
    } else if (pk[i] == ':') {
      parts.emplace_back();
    } else {
      parts.back() += pk[i];
    }
  }
  return parts;
}

std::string key_condition(const ChangeTable& table, const std::vector<std::string>& pks) {
  const auto column = std::ranges::find(table.columns, table.key.at(0), &Column::name);
  if (pks.empty() || column == table.columns.end() || !can_ask(*column)) return {};
  std::set<std::string> values;
  for (const auto& pk : pks) {
    auto value = literal(key_parts(pk, table.key.size()).at(0));
    values.insert(column->type.kind == Kind::text ? value : value + "::" + stored_type(column->type));
  }
  std::string list;
  for (const auto& value : values) list += (list.empty() ? "" : ", ") + value;
  return fmt::format("s.{} IN ({})", identifier(column->name), list);
}

}  // namespace weir::sync
