/// What PostgreSQL's catalogs say about tables that are or may be followed.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "connector/changes.h"
#include "connectors/postgres/lsn.h"
#include "connectors/postgres/postgres_connection.h"
#include "connectors/postgres/postgres_options.h"

namespace weir::postgres {

/// How the stream knows a column: by its number, which a rename leaves as it is, and by its exact type.
struct SourceColumn {
  int16_t number = 0;  ///< pg_attribute.attnum; 0: not known
  uint32_t type_oid = 0;
  int32_t type_modifier = -1;

  bool operator==(const SourceColumn&) const = default;
};

struct AttributeFacts {
  SourceColumn source;
  plan::Column column = {};
  bool is_generated = false;   ///< computed by the source: it does not send it
  bool is_selectable = false;  ///< the user may read it
  bool is_sendable = true;     ///< false: it holds values that the source cannot send in binary form
  bool has_missing_value = false;
  /// Of rows from before the column was added, in the source's text form.
  std::optional<std::string> missing_value = {};
};

struct TableFacts {
  uint32_t oid = 0;
  plan::TableName name;
  char kind = 'r';          ///< pg_class.relkind
  char persistence = 'p';   ///< pg_class.relpersistence
  char identity = 'd';      ///< pg_class.relreplident
  uint32_t storage = 0;     ///< the file's number: a rewrite changes it
  int16_t last_number = 0;  ///< pg_class.relnatts: the highest that a column has, or had
  Lsn log_end = {};         ///< of the source's log, when this was read: what was committed by then is seen
  bool has_children = false;
  bool has_row_security = false;                ///< it hides rows from the user
  bool may_select = false;                      ///< one column at least
  bool may_publish = false;                     ///< the user owns it, or it is in the publication already
  std::vector<AttributeFacts> attributes = {};  ///< in the order of their numbers
  std::vector<int16_t> primary_key = {};        ///< numbers, in key order
  std::vector<int16_t> identity_index = {};     ///< of REPLICA IDENTITY USING INDEX

  const AttributeFacts* attribute(int16_t number) const;
};

/// What tells whether a table whose columns look as before has the same columns.
struct ColumnNumbers {
  std::map<std::string, int16_t, std::less<>> numbers;  ///< pg_attribute.attnum by attname
  uint32_t storage = 0;                                 ///< as in TableFacts
};

/// Which tables; `oid` or `names`.
struct TableSelection {
  std::vector<plan::TableName> names = {};
  uint32_t oid = 0;
  std::string publication;
};

/// In one snapshot; tables that are not there are left out. Errors: source_*, timeout, cancelled.
Result<std::vector<TableFacts>> read_table_facts(Connection& connection, const TableSelection& selection,
                                                 const TypeOptions& types, Waiter& waiter, Deadline deadline);

/// Whether a table can be followed, and as what.
connector::SyncCandidate judge(const TableFacts& facts);

/// ChangeTable::memo.
struct TableMemo {
  uint32_t oid = 0;
  uint32_t storage = 0;     ///< when the table had no other columns than these
  int16_t last_number = 0;  ///< the highest that a column had; 0: not known
  Lsn since = {};  ///< the end of the log when the table was examined: its copy is later, and has what was before
  std::vector<SourceColumn> columns = {};  ///< those of ChangeTable::columns

  bool operator==(const TableMemo&) const = default;
};
std::string to_text(const TableMemo& memo);
/// Nothing when it is empty or does not have `columns` columns.
std::optional<TableMemo> memo_of(const std::string& text, size_t columns);

}  // namespace weir::postgres
