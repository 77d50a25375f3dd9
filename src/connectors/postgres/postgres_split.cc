#include "connectors/postgres/postgres_split.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>
#include <libpq-fe.h>
#include <nlohmann/json.hpp>

#include "base/nearest.h"
#include "connectors/postgres/postgres_introspection.h"
#include "plan/query.h"

namespace weir::postgres {
namespace {

/// TID range scans came with 14; before, each range would read the whole table.
constexpr int kFirstVersionWithTidRanges = 140000;

/// 4 MB and 128 MB of 8 KB blocks: below, the statements' own cost shows; above, streams end at different times.
constexpr uint64_t kPieceBlocksMin = 512;
constexpr uint64_t kPieceBlocksMax = 16'384;
constexpr uint64_t kPiecesPerStream = 16;

std::string quoted_name(const plan::TableName& table) {
  return quote_identifier(table.schema) + "." + quote_identifier(table.table);
}

/// Adds the tables that `node` and all below it read. False: something else than a sequential read.
bool collect(const nlohmann::json& node, std::vector<plan::TableName>& tables) {
  const std::string type = node.value("Node Type", "");
  if (type == "Seq Scan") {
    tables.push_back({node.value("Schema", ""), node.value("Relation Name", "")});
  } else if (type != "Append" && type != "Gather") {
    return false;
  }
  const auto below = node.find("Plans");
  if (below == node.end()) return true;
  return std::all_of(below->begin(), below->end(), [&](const nlohmann::json& child) { return collect(child, tables); });
}

void collect_all(const nlohmann::json& node, std::vector<plan::TableName>& tables) {
  if (node.contains("Relation Name")) tables.push_back({node.value("Schema", ""), node.value("Relation Name", "")});
  if (!node.contains("Plans")) return;
  for (const nlohmann::json& child : node["Plans"]) collect_all(child, tables);
}

Result<std::string> explain(Connection& connection, const plan::Scan& scan, Waiter& waiter) {
  Statement statement = render_select(scan, std::nullopt);
  statement.text = "EXPLAIN (VERBOSE, FORMAT JSON) " + statement.text;
  const auto rows = WEIR_TRY(connection.run(statement, waiter, kNoDeadline));
  return text_at(rows.at(0).get(), 0, 0);
}

/// What the statement names: the scanned table, or those of the query. All columns, as the plan knows them.
std::vector<plan::BaseTable> scanned_tables(const plan::Scan& scan) {
  if (scan.query) return plan::base_tables(*scan.query);
  return {{scan.table, scan.columns}};
}

/// A list of text constants, what `part` gives of each table.
template <typename Part>
std::string array_of(const std::vector<plan::TableName>& tables, Part part) {
  std::string list;
  for (const plan::TableName& table : tables) list += (list.empty() ? "" : ", ") + quote_literal(part(table));
  return "ARRAY[" + list + "]::text[]";
}

/// Two results: the columns of the scanned tables, with the table's number from 1; then the facts of these and of each
/// table in `read`, in that order.
/// Only plain heaps without row-level security can be read directly with the same answer. Rows of the catalog are as
/// the snapshot sees them; pg_relation_filenode answers as of now. Names are looked up by a join, because ::regclass
/// asks for rights on the schema, which the reader of a view over it need not have.
std::string facts_text(const std::vector<plan::BaseTable>& scanned, const std::vector<plan::TableName>& read) {
  std::vector<plan::TableName> tables;
  for (const plan::BaseTable& table : scanned) tables.push_back(table.name);
  const std::string relations = array_of(tables, quoted_name);
  tables.insert(tables.end(), read.begin(), read.end());
  return fmt::format(
      "SELECT t.position, attname, format_type(atttypid, atttypmod), {} FROM unnest({}::regclass[]) WITH ORDINALITY AS "
      "t(relation, position) JOIN pg_class c ON c.oid = t.relation JOIN pg_attribute a ON attrelid = t.relation AND "
      "attnum > 0 AND NOT attisdropped; "
      "SELECT c.relkind IN ('r', 'p', 'm') AND NOT row_security_active(c.oid), "
      "c.relkind IN ('r', 'm') AND am.amname = 'heap' AND has_table_privilege(c.oid, 'SELECT'), "
      "CASE WHEN c.relkind IN ('r', 'm') THEN pg_relation_size(c.oid) / current_setting('block_size')::int8 ELSE 0 "
      "END, "
      "current_setting('block_size'), "
      "coalesce(c.relfilenode = 0 OR c.relfilenode = pg_relation_filenode(c.oid), false) "
      "FROM unnest({}, {}) WITH ORDINALITY AS t(schema, name, position) "
      "JOIN pg_namespace n ON n.nspname = t.schema JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = t.name "
      "LEFT JOIN pg_am am ON am.oid = c.relam ORDER BY t.position",
      kNeverNull, relations, array_of(tables, [](const auto& table) { return table.schema; }),
      array_of(tables, [](const auto& table) { return table.table; }));
}

bool truth_at(const pg_result* result, int row, int column) { return text_at(result, row, column) == "t"; }

/// `position` counts from 1.
Status check_columns(const plan::BaseTable& table, size_t position, const pg_result* result) {
  struct Facts {
    std::string type;
    bool never_null;
  };
  std::map<std::string, Facts> columns;
  for (int row = 0; row < PQntuples(result); row++) {
    if (text_at(result, row, 0) != std::to_string(position)) continue;
    columns[text_at(result, row, 1)] = {text_at(result, row, 2), truth_at(result, row, 3)};
  }
  for (const plan::Column& column : table.columns) {
    const auto found = columns.find(column.name);
    if (found == columns.end()) {
      return fail(ErrorCode::schema_drift,
                  "a column is gone on the source: " + table.name.to_string() + "." + column.name);
    }
    const auto& [type, never_null] = found->second;
    if (type != column.source_type) {
      return fail(ErrorCode::schema_drift, "a column has another type on the source: " + table.name.to_string() + "." +
                                               column.name + " was " + column.source_type + ", is " + type);
    }
    if (!column.nullable && !never_null) {
      return fail(ErrorCode::schema_drift,
                  "a column may be NULL on the source now: " + table.name.to_string() + "." + column.name);
    }
  }
  return {};
}

/// Also for one that is not there as the snapshot sees it.
bool is_rewritten(const pg_result* facts, size_t tables) {
  if (PQntuples(facts) != static_cast<int>(tables)) return true;
  for (int row = 0; row < PQntuples(facts); row++) {
    if (!truth_at(facts, row, 4)) return true;
  }
  return false;
}

std::vector<Heap> read_heaps(const pg_result* facts, const std::vector<plan::TableName>& read) {
  std::vector<Heap> heaps;
  if (PQntuples(facts) != static_cast<int>(read.size()) + 1 || !truth_at(facts, 0, 0)) return {};
  for (size_t i = 0; i < read.size(); i++) {
    const int row = static_cast<int>(i) + 1;
    if (!truth_at(facts, row, 0) || !truth_at(facts, row, 1)) return {};
    heaps.push_back({read[i], std::stoull(text_at(facts, row, 2))});
  }
  return heaps;
}

}  // namespace

uint64_t Layout::bytes() const {
  uint64_t blocks = 0;
  for (const Heap& heap : heaps) blocks += heap.blocks;
  return blocks * block_bytes;
}

std::optional<std::vector<plan::TableName>> sequentially_read(std::string_view explain_json) {
  const auto plans = nlohmann::json::parse(explain_json, nullptr, /*allow_exceptions=*/false);
  if (!plans.is_array() || plans.empty() || !plans[0].contains("Plan")) return std::nullopt;
  std::vector<plan::TableName> tables;
  if (!collect(plans[0]["Plan"], tables) || tables.empty()) return std::nullopt;
  return tables;
}

std::vector<plan::TableName> all_read(std::string_view explain_json) {
  const auto plans = nlohmann::json::parse(explain_json, nullptr, /*allow_exceptions=*/false);
  std::vector<plan::TableName> tables;
  if (plans.is_array() && !plans.empty() && plans[0].contains("Plan")) collect_all(plans[0]["Plan"], tables);
  return tables;
}

Result<Layout> examine(Connection& connection, const plan::Scan& scan, Waiter& waiter) {
  // The plan first: making it locks the tables, so the facts that follow stay true.
  const std::string plan = WEIR_TRY(explain(connection, scan, waiter));
  const auto read = all_read(plan);
  const auto scanned = scanned_tables(scan);
  const auto facts = WEIR_TRY(connection.run(facts_text(scanned, read), waiter, kNoDeadline));
  Layout layout;
  layout.rewritten = is_rewritten(facts.at(1).get(), scanned.size() + read.size());
  if (layout.rewritten) return layout;
  for (size_t i = 0; i < scanned.size(); i++) WEIR_TRY(check_columns(scanned[i], i + 1, facts.at(0).get()));
  if (scan.query) return layout;
  layout.block_bytes = std::stoull(text_at(facts.at(1).get(), 0, 3));
  const bool can_read_ranges = connection.server().version_number >= kFirstVersionWithTidRanges;
  if (can_read_ranges && !scan.limit && sequentially_read(plan)) layout.heaps = read_heaps(facts.at(1).get(), read);
  return layout;
}

std::vector<Piece> cut(const std::vector<Heap>& heaps, int streams) {
  uint64_t total = 0;
  for (const Heap& heap : heaps) total += heap.blocks;
  const uint64_t wanted = total / (static_cast<uint64_t>(streams) * kPiecesPerStream);
  const uint64_t length = std::clamp(wanted, kPieceBlocksMin, kPieceBlocksMax);
  std::vector<Piece> pieces;
  for (const Heap& heap : heaps) {
    uint64_t first = 0;
    for (; first + length < heap.blocks; first += length) {
      pieces.push_back({heap.name, {static_cast<uint32_t>(first), static_cast<uint32_t>(first + length)}});
    }
    pieces.push_back({heap.name, {static_cast<uint32_t>(first), std::nullopt}});
  }
  return pieces;
}

}  // namespace weir::postgres
