/// The SQL of live copies: names, stored types, keys and the texts that readers expand to. Pure.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "connector/changes.h"
#include "plan/scan.h"

namespace weir::sync {

/// `name` as a quoted identifier, `text` as a string literal.
std::string identifier(std::string_view name);
std::string literal(std::string_view text);

/// `weir."pg_prod.public".users` and its hot table.
std::string lake_table(std::string_view connector, const plan::TableName& table);
std::string hot_table(std::string_view connector, const plan::TableName& table);

/// The SQL type in which copies keep a column. It is the type that DuckDB reads the source's column as, but an interval
/// is kept as STRUCT(months INTEGER, days INTEGER, microseconds BIGINT), because Parquet's is unsigned and of
/// milliseconds.
std::string stored_type(const plan::Type& type);
/// `value`, an expression of the type as DuckDB reads it, as it is kept; and back.
std::string to_stored(const std::string& value, const plan::Type& type);
std::string from_stored(const std::string& value, const plan::Type& type);
/// Whether the two above do anything.
bool stored_differently(const plan::Type& type);
/// Whether a stored column can become `to` without a new snapshot, keeping every value.
bool can_widen(const plan::Type& from, const plan::Type& to);

/// Whether a copy can keep the table. Errors: invalid_request (no key), not_available_yet (names that DuckDB, which
/// does not tell letter case apart, takes for one, or that copies use themselves).
Status can_be_copied(const connector::ChangeTable& table);
/// A column's name that copies use themselves.
bool is_reserved(std::string_view name);
/// In lower case: two names that are one for DuckDB.
std::string folded(std::string name);

/// `_kyma_pk` of a row: its key's texts, escaped and joined by ':' when there are several. `row` qualifies the columns,
/// e.g. "b." or "b._moved_from.". The same for snapshot and stream, so that one key has one text.
std::string key_text(const connector::ChangeTable& table, std::string_view row);

/// The columns of the lake's table, by the names that they have in a table that the lake does not know yet.
using LakeNames = std::map<std::string, std::string>;
/// The lake's rows with their `_kyma_pk`, which is not stored there, for a FROM. Where a column has no name in `names`,
/// it is the table's own.
std::string lake_rows(std::string_view connector, const connector::ChangeTable& table, const LakeNames& names = {});

/// The columns by which a hot row finds the lake's row that it supersedes, for a USING: the typed key, which is much
/// quicker to read and to compare than its text, where that is the same; otherwise `_kyma_pk`.
std::string join_columns(const connector::ChangeTable& table);
/// True for the rows of the lake's table whose keys stand in `hot`.
std::string is_superseded(const connector::ChangeTable& table, const std::string& hot);
/// True for the rows of `lake_rows` whose `_kyma_pk` the query `keys`, of one column, has. One column's key is compared
/// as what it is, so that extents are left out.
std::string has_key(const connector::ChangeTable& table, const std::string& keys, const LakeNames& names = {});

/// What readers of a copy want.
enum class CopyView : uint8_t {
  current,  ///< the rows that the source has
  raw,      ///< and the tombstones of deleted ones
};
/// What a view need not look at.
struct CopyContents {
  bool hot = true;         ///< false: the hot table is empty
  bool tombstones = true;  ///< false: the lake has none of the table
};
/// A SELECT over the lake's rows that no hot row supersedes and the hot rows. The source's columns in their order, then
/// the four _kyma_*.
std::string copy_view_sql(std::string_view connector, const connector::ChangeTable& table, CopyView view,
                          CopyContents contents = {});

}  // namespace weir::sync
