#include "connectors/postgres/followed_table.h"

#include <algorithm>
#include <utility>

namespace weir::postgres {
namespace {

/// Whether the copy has all columns that the source sends.
bool has_columns_of(const TableMemo& memo, const TableFacts& facts) {
  return std::ranges::all_of(facts.attributes, [&](const AttributeFacts& now) {
    return now.is_generated || !now.is_selectable ||
           std::ranges::find(memo.columns, now.source.number, &SourceColumn::number) != memo.columns.end();
  });
}

}  // namespace

std::vector<size_t> key_columns(const connector::ChangeTable& table) {
  std::vector<size_t> key;
  for (const std::string& name : table.key) {
    const auto found = std::ranges::find(table.columns, name, &plan::Column::name);
    if (found != table.columns.end()) key.push_back(static_cast<size_t>(found - table.columns.begin()));
  }
  return key;
}

FollowedTable known_table(connector::ChangeTablePtr table, const TableFacts* facts) {
  FollowedTable known;
  known.key = key_columns(*table);
  if (auto memo = memo_of(table->memo, table->columns.size())) {
    known.source = std::move(*memo);
  } else {
    known.source.columns.resize(table->columns.size());
    if (facts != nullptr) known.source.oid = facts->oid;
    for (size_t i = 0; facts != nullptr && i < table->columns.size(); i++) {
      const auto same = std::ranges::find_if(facts->attributes, [&](const AttributeFacts& now) {
        return now.column.name == table->columns[i].name && now.column.source_type == table->columns[i].source_type;
      });
      if (same != facts->attributes.end()) known.source.columns[i] = same->source;
    }
    if (facts != nullptr && has_columns_of(known.source, *facts)) {
      known.source.storage = facts->storage;
      known.source.last_number = facts->last_number;
    }
  }
  known.table = std::move(table);
  return known;
}

}  // namespace weir::postgres
