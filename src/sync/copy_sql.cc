#include "sync/copy_sql.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <functional>
#include <set>
#include <stdexcept>

#include <fmt/format.h>

#include "lake/hot.h"
#include "lake/lake.h"

namespace weir::sync {
namespace {

using plan::Kind;

std::string quoted(std::string_view text, char quote) {
  std::string result(1, quote);
  for (const char letter : text) {
    if (letter == quote) result += quote;
    result += letter;
  }
  return result + quote;
}

constexpr std::array<std::string_view, 18> kTypeNames = {
    "BOOLEAN", "SMALLINT", "INTEGER",   "BIGINT",      "UINTEGER",
    "FLOAT",   "DOUBLE",   "DECIMAL",   "VARCHAR",     "BLOB",
    "DATE",    "TIME",     "TIMESTAMP", "TIMESTAMPTZ", "STRUCT(months INTEGER, days INTEGER, microseconds BIGINT)",
    "UUID",    "JSON",     "LIST",
};
static_assert(static_cast<size_t>(Kind::list) + 1 == kTypeNames.size());

/// Every part is truncated towards zero, so the sums are the interval's own three numbers.
std::string interval_parts(const std::string& value) {
  return fmt::format(
      "CASE WHEN {0} IS NULL THEN NULL ELSE {{'months': (datepart('year', {0}) * 12 + datepart('month', "
      "{0}))::INTEGER, "
      "'days': datepart('day', {0})::INTEGER, 'microseconds': datepart('hour', {0}) * 3600000000 + "
      "datepart('minute', {0}) * 60000000 + datepart('microsecond', {0})}} END",
      value);
}

std::string interval_of(const std::string& parts) {
  return fmt::format("(to_months({0}.months) + to_days({0}.days) + to_microseconds({0}.microseconds))", parts);
}

using Convert = std::string (*)(const std::string& value, const plan::Type& type);

std::string in_list(const std::string& value, const plan::Type& type, Convert convert) {
  return fmt::format("list_transform({}, lambda e: {})", value, convert("e", type.children.at(0)));
}

int whole_digits(const plan::Type& type) {
  switch (type.kind) {
    case Kind::int16:
      return 5;
    case Kind::int32:
      return 10;
    case Kind::int64:
      return 19;
    default:
      return type.precision - type.scale;
  }
}

int integer_bytes(Kind kind) { return kind == Kind::int16 ? 2 : kind == Kind::int32 ? 4 : kind == Kind::int64 ? 8 : 0; }

}  // namespace

std::string identifier(std::string_view name) { return quoted(name, '"'); }
std::string literal(std::string_view text) { return quoted(text, '\''); }

std::string lake_table(std::string_view connector, const plan::TableName& table) {
  return fmt::format("{}.{}.{}", lake::kCatalog, identifier(lake::copy_schema(connector, table.schema)),
                     identifier(table.table));
}

std::string hot_table(std::string_view connector, const plan::TableName& table) {
  return fmt::format("{}.{}.{}", lake::kHotCatalog, identifier(lake::copy_schema(connector, table.schema)),
                     identifier(table.table));
}

std::string stored_type(const plan::Type& type) {
  if (type.kind == Kind::decimal) return fmt::format("DECIMAL({},{})", type.precision, type.scale);
  if (type.kind == Kind::list) return stored_type(type.children.at(0)) + "[]";
  return std::string(kTypeNames.at(static_cast<size_t>(type.kind)));
}

bool stored_differently(const plan::Type& type) {
  return type.kind == Kind::interval || (type.kind == Kind::list && stored_differently(type.children.at(0)));
}

std::string to_stored(const std::string& value, const plan::Type& type) {
  if (!stored_differently(type)) return value;
  return type.kind == Kind::list ? in_list(value, type, to_stored) : interval_parts(value);
}

std::string from_stored(const std::string& value, const plan::Type& type) {
  if (!stored_differently(type)) return value;
  return type.kind == Kind::list ? in_list(value, type, from_stored) : interval_of(value);
}

bool can_widen(const plan::Type& from, const plan::Type& to) {
  if (from == to) return true;
  if (to.kind == Kind::decimal) {
    const bool exact = from.kind == Kind::decimal ? to.scale >= from.scale : integer_bytes(from.kind) > 0;
    return exact && whole_digits(to) >= whole_digits(from);
  }
  // Not from float32 to float64: DuckLake's statistics of the old extents are texts, and '0.1' is another double than
  // float, so that extents are left out which have the value.
  if (from.kind == Kind::uint32) return to.kind == Kind::int64;
  return integer_bytes(from.kind) > 0 && integer_bytes(to.kind) > integer_bytes(from.kind);
}

namespace {

const plan::Type& innermost(const plan::Type& type) {
  return type.kind == Kind::list ? innermost(type.children.at(0)) : type;
}

/// A text that says which value it is, whatever time zone a session has.
std::string as_text(const std::string& value, const plan::Type& type) {
  if (type.kind == Kind::timestamptz) {
    return fmt::format(
        "CASE WHEN isfinite({0}) THEN CAST(make_timestamp(epoch_us({0})) AS VARCHAR) || '+00' ELSE CAST({0} AS "
        "VARCHAR) END",
        value);
  }
  if (type.kind == Kind::list && innermost(type).kind == Kind::timestamptz) {
    return "CAST(" + in_list(value, type, as_text) + " AS VARCHAR)";
  }
  return fmt::format("CAST({} AS VARCHAR)", value);
}

std::string escaped(const std::string& text) {
  return fmt::format("replace(replace({}, '\\', '\\\\'), ':', '\\:')", text);
}

/// Whether the type's texts hold neither ':' nor '\\'.
bool is_plain(const plan::Type& type) {
  switch (type.kind) {
    case Kind::boolean:
    case Kind::int16:
    case Kind::int32:
    case Kind::int64:
    case Kind::uint32:
    case Kind::decimal:
    case Kind::uuid:
      return true;
    default:
      return false;
  }
}

constexpr std::array<std::string_view, 7> kReserved = {"_kyma_pk", "_kyma_op",   "_kyma_lsn",  "_kyma_event_at",
                                                       "_last",    "_unchanged", "_moved_from"};

}  // namespace

std::string folded(std::string name) {
  std::ranges::transform(name, name.begin(),
                         [](unsigned char letter) { return static_cast<char>(std::tolower(letter)); });
  return name;
}

bool is_reserved(std::string_view name) { return std::ranges::find(kReserved, name) != kReserved.end(); }

Status can_be_copied(const connector::ChangeTable& table) {
  if (table.key.empty()) {
    return fail(ErrorCode::invalid_request, "a table without a key cannot be copied: " + table.name.to_string());
  }
  std::set<std::string> names(kReserved.begin(), kReserved.end());
  for (const auto& column : table.columns) {
    if (names.insert(folded(column.name)).second) continue;
    return fail(
        ErrorCode::not_available_yet,
        fmt::format("a copy of table {}, whose column {} has the name of another one but for letter case, or one that "
                    "copies use themselves",
                    table.name.to_string(), column.name),
        "leave the table out of sync.tables, or rename the column");
  }
  return {};
}

namespace {

const plan::Column& key_column(const connector::ChangeTable& table, const std::string& name) {
  const auto column = std::ranges::find(table.columns, name, &plan::Column::name);
  if (column == table.columns.end()) throw std::logic_error("a key without its column: " + table.name.to_string());
  return *column;
}

std::string joined_key(const connector::ChangeTable& table,
                       const std::function<std::string(const plan::Column&)>& value) {
  if (table.key.size() == 1) {
    const auto& column = key_column(table, table.key[0]);
    return as_text(value(column), column.type);
  }
  std::string text;
  for (const auto& name : table.key) {
    const auto& column = key_column(table, name);
    const auto part = as_text(value(column), column.type);
    text += (text.empty() ? "" : " || ':' || ") + (is_plain(column.type) ? part : escaped(part));
  }
  return "(" + text + ")";
}

/// Whether two keys are one exactly when the column's values are equal, and a join of them is cheap.
bool joins_by_value(const plan::Type& type) {
  switch (type.kind) {
    case Kind::float32:
    case Kind::float64:
    case Kind::interval:
    case Kind::json:
    case Kind::list:
      return false;
    default:
      return true;
  }
}

}  // namespace

std::string key_text(const connector::ChangeTable& table, std::string_view row) {
  return joined_key(table, [&](const plan::Column& column) { return std::string(row) + identifier(column.name); });
}

namespace {

std::string lake_name(const std::string& column, const LakeNames& names) {
  const auto known = names.find(column);
  return identifier(known == names.end() ? column : known->second);
}

std::string stored_key_text(const connector::ChangeTable& table, const LakeNames& names) {
  return joined_key(
      table, [&](const plan::Column& column) { return from_stored(lake_name(column.name, names), column.type); });
}

}  // namespace

std::string lake_rows(std::string_view connector, const connector::ChangeTable& table, const LakeNames& names) {
  return fmt::format("(SELECT *, {} AS _kyma_pk FROM {})", stored_key_text(table, names),
                     lake_table(connector, table.name));
}

std::string join_columns(const connector::ChangeTable& table) {
  std::string list;
  for (const auto& name : table.key) {
    if (!joins_by_value(key_column(table, name).type)) return "_kyma_pk";
    list += (list.empty() ? "" : ", ") + identifier(name);
  }
  return list;
}

std::string is_superseded(const connector::ChangeTable& table, const std::string& hot) {
  const auto columns = join_columns(table);
  return fmt::format("({}) IN (SELECT {} FROM {})", columns == "_kyma_pk" ? stored_key_text(table, {}) : columns,
                     columns, hot);
}

std::string has_key(const connector::ChangeTable& table, const std::string& keys, const LakeNames& names) {
  const auto& column = key_column(table, table.key[0]);
  if (table.key.size() > 1 || !joins_by_value(column.type)) return "_kyma_pk IN (" + keys + ")";
  return fmt::format("{} IN (SELECT CAST(pk AS {}) FROM ({}) k(pk))", lake_name(column.name, names),
                     stored_type(column.type), keys);
}

std::string copy_view_sql(std::string_view connector, const connector::ChangeTable& table, CopyView view,
                          CopyContents contents) {
  std::string list;
  for (const auto& column : table.columns) {
    const auto name = identifier(column.name);
    const auto value = from_stored(name, column.type);
    list += value == name ? name + ", " : fmt::format("{} AS {}, ", value, name);
  }
  list += "_kyma_pk, _kyma_op, _kyma_lsn, _kyma_event_at";
  const auto* alive = view == CopyView::current ? " WHERE _kyma_op <> 'delete'" : "";
  const auto* alive_in_lake = contents.tombstones ? alive : "";
  const auto lake = lake_rows(connector, table);
  if (!contents.hot) return fmt::format("SELECT {} FROM {}{}", list, lake, alive_in_lake);
  const auto hot_rows = hot_table(connector, table.name);
  // Not NOT EXISTS: under UNION ALL it becomes a delim join, three times slower.
  return fmt::format(
      "SELECT {0} FROM {1} ANTI JOIN (SELECT {4} FROM {2}) USING ({4}){5} "
      "UNION ALL BY NAME SELECT {0} FROM {2}{3}",
      list, lake, hot_rows, alive, join_columns(table), alive_in_lake);
}

}  // namespace weir::sync
