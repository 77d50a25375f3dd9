/// How a large read is divided among connections: ranges of blocks of plain tables, taken under the read's snapshot.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "connectors/postgres/postgres_connection.h"
#include "connectors/postgres/postgres_dialect.h"
#include "plan/scan.h"

namespace weir::postgres {

/// A table that the scan reads from one end to the other: the scanned one, a partition or an inheritance child.
struct Heap {
  plan::TableName name;
  uint64_t blocks = 0;

  bool operator==(const Heap&) const = default;
};

/// What one statement of a split read reads.
struct Piece {
  plan::TableName table;
  CtidRange range;
};

/// What the source says about a scan, before it is read.
struct Layout {
  std::vector<Heap> heaps;  ///< empty: must be read by one statement
  uint64_t block_bytes = 8192;
  /// A table got new storage after the transaction's snapshot was taken (TRUNCATE, an ALTER TABLE that rewrites, DROP
  /// and CREATE): the snapshot sees none of its rows, neither the old nor the new ones, so nothing may be read.
  bool rewritten = false;

  uint64_t bytes() const;
};

/// Asks the source inside an open transaction: checks that the columns are still what the scan expects, and finds out
/// how it can be divided. The tables stay locked against changes until the transaction ends. A transaction that had to
/// wait for such a change may answer `rewritten`.
/// Errors: schema_drift, source_*, cancelled.
Result<Layout> examine(Connection& connection, const plan::Scan& scan, Waiter& waiter);

/// Several pieces for each stream, so that streams balance; every block is in exactly one, and the last range of each
/// table has no end.
std::vector<Piece> cut(const std::vector<Heap>& heaps, int streams);

/// The tables that EXPLAIN (VERBOSE, FORMAT JSON) shows as read sequentially, or nothing when the plan does anything
/// else (an index, a view's join): dividing it by blocks would cost the source more than it saves.
std::optional<std::vector<plan::TableName>> sequentially_read(std::string_view explain_json);
/// All tables that the plan reads, in the same order, however it reads them.
std::vector<plan::TableName> all_read(std::string_view explain_json);

}  // namespace weir::postgres
