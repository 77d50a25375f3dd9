/// A table of the stream: how the rows that come map to the columns of the copy.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "connector/changes.h"
#include "connectors/postgres/pgoutput_message.h"
#include "connectors/postgres/table_facts.h"

namespace weir::postgres {

/// Immutable and shared; a new one after every schema change.
struct FollowedTable {
  connector::ChangeTablePtr table;
  TableMemo source;         ///< its columns stand in the order of `table->columns`
  std::vector<size_t> key;  ///< columns of `table`, in key order
  /// As the source described it last, and for each of its columns the one of `table`, or -1: not followed. Empty before
  /// the first description.
  pgoutput::Relation relation;
  std::vector<int> targets;
};
using FollowedTablePtr = std::shared_ptr<const FollowedTable>;

/// A table as the copy knows it, before the source has described it. `facts`, where given, stand in for a missing memo.
FollowedTable known_table(connector::ChangeTablePtr table, const TableFacts* facts);

/// Columns of `table` that make its key.
std::vector<size_t> key_columns(const connector::ChangeTable& table);

}  // namespace weir::postgres
