/// What changed between a table as the copy knows it and as the source describes it in the stream. Pure.
#pragma once

#include <optional>

#include "connectors/postgres/followed_table.h"

namespace weir::postgres {

/// Either `next` is set, and `change` where the columns are others than before, or the memo alone; or `stop`.
struct Drift {
  FollowedTablePtr next;
  std::optional<connector::SchemaChange> change;
  std::optional<connector::TableStop> stop;
};

/// Whether `relation` can be judged without asking the catalogs: nothing has changed.
bool is_unchanged(const FollowedTable& known, const pgoutput::Relation& relation);

/// A column that looks as before but is another one: dropped, and added again under the same name. When in the stream
/// that was cannot be told, so the table stops.
std::optional<connector::TableStop> find_replaced(const FollowedTable& known, const ColumnNumbers& now);

/// `next` of an unchanged table, with the memo that the catalogs as they are now make of it.
Drift with_storage(FollowedTablePtr next, const ColumnNumbers& now);

/// Of a table that has the name `now`.
connector::TableStop renamed_stop(const plan::TableName& now);

/// `facts`: the catalogs as they are now, possibly later than `relation`; nullptr: the table is gone by now.
Drift compare(const FollowedTable& known, const pgoutput::Relation& relation, const TableFacts* facts);

}  // namespace weir::postgres
