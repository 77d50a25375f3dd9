#include "connectors/postgres/table_facts.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>
#include <libpq-fe.h>

#include "connectors/postgres/postgres_introspection.h"

namespace weir::postgres {
namespace {

/// One row per table. {0}: the publication's name, {1}: which tables.
constexpr const char* kTables = R"(
SELECT c.oid, n.nspname, c.relname, c.relkind, c.relpersistence, c.relreplident,
       coalesce(pg_relation_filenode(c.oid), 0),
       EXISTS (SELECT 1 FROM pg_inherits i WHERE i.inhparent = c.oid), row_security_active(c.oid),
       has_schema_privilege(n.oid, 'USAGE') AND has_any_column_privilege(c.oid, 'SELECT'),
       pg_has_role(c.relowner, 'USAGE') OR EXISTS (SELECT 1 FROM pg_publication_rel r JOIN pg_publication p
         ON p.oid = r.prpubid WHERE r.prrelid = c.oid AND p.pubname = {0})
         OR EXISTS (SELECT 1 FROM pg_publication p WHERE p.puballtables AND p.pubname = {0}),
       array_to_string(ARRAY(SELECT k.number FROM pg_index x, unnest(x.indkey::int2[]) WITH ORDINALITY k(number, at)
         WHERE x.indrelid = c.oid AND x.indisprimary AND x.indimmediate AND x.indisvalid AND k.at <= x.indnkeyatts
         ORDER BY k.at), ','),
       array_to_string(ARRAY(SELECT k.number FROM pg_index x, unnest(x.indkey::int2[]) WITH ORDINALITY k(number, at)
         WHERE x.indrelid = c.oid AND x.indisreplident AND x.indisvalid AND k.at <= x.indnkeyatts
         ORDER BY k.at), ','), c.relnatts, (pg_current_wal_lsn() - '0/0')::int8
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE {1} ORDER BY c.oid)";

/// One row per column of these tables. What is an array, a range or composite is sent by the functions of its parts.
constexpr const char* kAttributes = R"(
SELECT c.oid, a.attname, a.atttypid, a.atttypmod, a.attndims, a.attnotnull, coalesce(co.collisdeterministic, true),
       format_type(a.atttypid, a.atttypmod), a.attnum, a.attgenerated <> '',
       has_schema_privilege(n.oid, 'USAGE') AND has_column_privilege(c.oid, a.attnum, 'SELECT'),
       a.atthasmissing, (a.attmissingval::text::text[])[1],
       t.typtype IN ('b', 'e') AND t.typelem = 0 OR t.typsend = 0 OR NOT EXISTS (
         WITH RECURSIVE parts(type) AS (SELECT a.atttypid UNION SELECT inner_parts.type FROM parts
           JOIN pg_type p ON p.oid = parts.type CROSS JOIN LATERAL (
             SELECT p.typelem WHERE p.typelem <> 0
             UNION ALL SELECT p.typbasetype WHERE p.typtype = 'd'
             UNION ALL SELECT r.rngsubtype FROM pg_range r WHERE p.oid IN (r.rngtypid, r.rngmultitypid)
             UNION ALL SELECT f.atttypid FROM pg_attribute f
               WHERE p.typtype = 'c' AND f.attrelid = p.typrelid AND f.attnum > 0 AND NOT f.attisdropped
           ) AS inner_parts(type))
         SELECT FROM parts JOIN pg_type p ON p.oid = parts.type WHERE p.typsend = 0)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_collation co ON co.oid = a.attcollation
WHERE {} ORDER BY c.oid, a.attnum)";

template <typename Number>
Number number_of(std::string_view text) {
  Number number{};
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}
template <typename Number>
Number number_at(const pg_result* result, int row, int column) {
  return number_of<Number>({PQgetvalue(result, row, column), static_cast<size_t>(PQgetlength(result, row, column))});
}
bool truth_at(const pg_result* result, int row, int column) { return *PQgetvalue(result, row, column) == 't'; }

std::vector<int16_t> numbers_at(const pg_result* result, int row, int column) {
  std::vector<int16_t> numbers;
  std::string_view text = PQgetvalue(result, row, column);
  while (!text.empty()) {
    const size_t comma = text.find(',');
    numbers.push_back(number_of<int16_t>(text.substr(0, comma)));
    text.remove_prefix(comma == std::string_view::npos ? text.size() : comma + 1);
  }
  return numbers;
}

std::string condition(const TableSelection& selection) {
  if (selection.oid != 0) return fmt::format("c.oid = {}", selection.oid);
  std::string list;
  for (const plan::TableName& name : selection.names) {
    list += (list.empty() ? "" : ", ") + ("(" + quote_literal(name.schema) + ", " + quote_literal(name.table) + ")");
  }
  return "(n.nspname, c.relname) IN (" + list + ")";
}

TableFacts read_table(const pg_result* result, int row) {
  return {.oid = number_at<uint32_t>(result, row, 0),
          .name = {text_at(result, row, 1), text_at(result, row, 2)},
          .kind = *PQgetvalue(result, row, 3),
          .persistence = *PQgetvalue(result, row, 4),
          .identity = *PQgetvalue(result, row, 5),
          .storage = number_at<uint32_t>(result, row, 6),
          .last_number = number_at<int16_t>(result, row, 13),
          .log_end = Lsn{number_at<uint64_t>(result, row, 14)},
          .has_children = truth_at(result, row, 7),
          .has_row_security = truth_at(result, row, 8),
          .may_select = truth_at(result, row, 9),
          .may_publish = truth_at(result, row, 10),
          .attributes = {},
          .primary_key = numbers_at(result, row, 11),
          .identity_index = numbers_at(result, row, 12)};
}

AttributeFacts read_attribute(const pg_result* result, int row, const TypeCatalog& catalog,
                              const TypeOptions& options) {
  const ColumnFacts facts{.name = text_at(result, row, 1),
                          .type_oid = number_at<uint32_t>(result, row, 2),
                          .type_modifier = number_at<int32_t>(result, row, 3),
                          .dimensions = number_at<int32_t>(result, row, 4),
                          .not_null = truth_at(result, row, 5),
                          .collation_deterministic = truth_at(result, row, 6),
                          .type_text = text_at(result, row, 7)};
  AttributeFacts attribute{.source = {number_at<int16_t>(result, row, 8), facts.type_oid, facts.type_modifier},
                           .column = map_column(facts, catalog, options),
                           .is_generated = truth_at(result, row, 9),
                           .is_selectable = truth_at(result, row, 10),
                           .is_sendable = truth_at(result, row, 13),
                           .has_missing_value = truth_at(result, row, 11),
                           .missing_value = {}};
  if (PQgetisnull(result, row, 12) == 0) attribute.missing_value = text_at(result, row, 12);
  return attribute;
}

connector::SyncCandidate refused(std::string reason, std::string hint) {
  return {nullptr, connector::TableStop{std::move(reason), std::move(hint)}};
}

constexpr const char* kNoKey = "table has no primary key — cannot CDC sync";

/// Whether anything but the key speaks against following the table.
std::optional<connector::TableStop> obstacle(const TableFacts& facts) {
  const std::string name = facts.name.to_string();
  using Stop = connector::TableStop;
  if (facts.kind == 'p') {
    return Stop{"partitioned_table",
                "name its partitions in sync.tables: rows that come and go with a partition (ATTACH, DETACH, DROP, "
                "TRUNCATE) are not in the changes of the whole"};
  }
  if (facts.kind != 'r') return Stop{"not_a_table", name + " is a view or a foreign table: name the tables behind it"};
  if (facts.has_children) {
    return Stop{"table_has_children", "other tables inherit from " + name + ": their rows are not in its changes"};
  }
  if (facts.persistence != 'p') {
    return Stop{"table_not_logged", "run ALTER TABLE " + name + " SET LOGGED on the source"};
  }
  if (!facts.may_select) {
    return Stop{"permission_denied: SELECT", "grant SELECT on " + name + " and USAGE on its schema to the user"};
  }
  if (facts.has_row_security) {
    return Stop{"row_security", "row-level security hides rows of " + name + " from the user: give it BYPASSRLS"};
  }
  if (!facts.may_publish) {
    return Stop{"permission_denied: owner",
                "only the owner can publish " + name + ": give it to the user, or add it to the publication yourself"};
  }
  return std::nullopt;
}

}  // namespace

const AttributeFacts* TableFacts::attribute(int16_t number) const {
  const auto found =
      std::ranges::find_if(attributes, [&](const AttributeFacts& one) { return one.source.number == number; });
  return found == attributes.end() ? nullptr : &*found;
}

Result<std::vector<TableFacts>> read_table_facts(Connection& connection, const TableSelection& selection,
                                                 const TypeOptions& types, Waiter& waiter, Deadline deadline) {
  if (selection.oid == 0 && selection.names.empty()) return std::vector<TableFacts>();
  const std::string which = condition(selection);
  const auto results =
      WEIR_TRY(connection.run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; " + std::string(type_catalog_query()) +
                                  "; " + fmt::format(kTables, quote_literal(selection.publication), which) + "; " +
                                  fmt::format(kAttributes, which) + "; COMMIT",
                              waiter, deadline));
  const TypeCatalog catalog = read_type_catalog(results.at(1).get());
  const pg_result* attributes = results.at(3).get();
  std::vector<TableFacts> tables;
  int next = 0;
  for (int row = 0; row < PQntuples(results.at(2).get()); row++) {
    TableFacts& table = tables.emplace_back(read_table(results.at(2).get(), row));
    for (; next < PQntuples(attributes) && number_at<uint32_t>(attributes, next, 0) == table.oid; next++) {
      table.attributes.push_back(read_attribute(attributes, next, catalog, types));
    }
  }
  return tables;
}

connector::SyncCandidate judge(const TableFacts& facts) {
  if (auto stop = obstacle(facts)) return {nullptr, std::move(stop)};
  const std::string name = facts.name.to_string();
  const std::vector<int16_t>& key = facts.identity == 'i' ? facts.identity_index : facts.primary_key;
  if (facts.identity == 'n') {
    return refused("replica_identity_nothing", "run ALTER TABLE " + name + " REPLICA IDENTITY DEFAULT on the source");
  }
  if (key.empty()) {
    return refused(kNoKey, "add a primary key, or run ALTER TABLE " + name +
                               " REPLICA IDENTITY USING INDEX with a unique index over NOT NULL columns");
  }
  auto table = std::make_shared<connector::ChangeTable>();
  table->name = facts.name;
  TableMemo memo{facts.oid, facts.storage, facts.last_number, facts.log_end, {}};
  for (const AttributeFacts& attribute : facts.attributes) {
    if (attribute.is_generated) continue;
    if (!attribute.is_sendable) {
      return refused("no_binary_form: " + attribute.column.name,
                     "the source cannot send values inside of type " + attribute.column.source_type +
                         " in binary form: change the column's type, for example to text");
    }
    if (!attribute.is_selectable) continue;
    table->columns.push_back(attribute.column);
    memo.columns.push_back(attribute.source);
  }
  for (const int16_t number : key) {
    const AttributeFacts* attribute = facts.attribute(number);
    if (attribute != nullptr && attribute->is_generated) {
      return refused("key_generated: " + attribute->column.name,
                     "the changes do not carry generated columns: run ALTER TABLE " + name +
                         " REPLICA IDENTITY USING INDEX with a unique index over others");
    }
    if (attribute == nullptr || !attribute->is_selectable) {
      return refused("permission_denied: SELECT", "the user may not read all columns of the key of " + name);
    }
    table->key.push_back(attribute->column.name);
  }
  table->memo = to_text(memo);
  return {std::move(table), std::nullopt};
}

std::string to_text(const TableMemo& memo) {
  std::string text = fmt::format("{}:{}:{}:{}", memo.oid, memo.storage, memo.last_number, memo.since.value);
  for (const SourceColumn& column : memo.columns) {
    text += fmt::format(",{}:{}:{}", column.number, column.type_oid, column.type_modifier);
  }
  return text;
}

std::optional<TableMemo> memo_of(const std::string& text, size_t columns) {
  std::vector<int64_t> numbers;
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at != end) {
    int64_t number = 0;
    const auto [stop, error] = std::from_chars(at, end, number);
    if (error != std::errc()) return std::nullopt;
    numbers.push_back(number);
    at = stop == end ? end : stop + 1;
  }
  if (numbers.size() != 4 + 3 * columns) return std::nullopt;
  TableMemo memo{static_cast<uint32_t>(numbers[0]),
                 static_cast<uint32_t>(numbers[1]),
                 static_cast<int16_t>(numbers[2]),
                 Lsn{static_cast<uint64_t>(numbers[3])},
                 {}};
  for (size_t i = 4; i < numbers.size(); i += 3) {
    memo.columns.push_back({static_cast<int16_t>(numbers[i]), static_cast<uint32_t>(numbers[i + 1]),
                            static_cast<int32_t>(numbers[i + 2])});
  }
  return memo;
}

}  // namespace weir::postgres
