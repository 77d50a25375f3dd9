/// Changes of tables written by hand, as a decoder hands them over, for tests.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "batch/column_builder.h"
#include "connector/changes.h"

namespace weir::sync::testing {

using connector::ChangeTable;
using connector::ChangeTablePtr;

inline plan::Column column(std::string name, plan::Kind kind, plan::Type type = {}) {
  if (kind != plan::Kind::decimal && kind != plan::Kind::list) type = {kind, 0, 0, {}};
  return {.name = std::move(name),
          .type = std::move(type),
          .collation = {},
          .nullable = true,
          .source_type = {},
          .cast_to_text = false};
}

inline ChangeTablePtr table_of(std::string name, std::vector<plan::Column> columns, std::vector<std::string> key) {
  return std::make_shared<const ChangeTable>(
      ChangeTable{{"public", std::move(name)}, std::move(columns), std::move(key), "memo"});
}

/// (id BIGINT, note TEXT, big TEXT), key id.
inline ChangeTablePtr notes_table(std::string name = "notes") {
  return table_of(std::move(name),
                  {column("id", plan::Kind::int64), column("note", plan::Kind::text), column("big", plan::Kind::text)},
                  {"id"});
}

/// An event of a table whose columns are BIGINT and TEXT only. Values are texts; nothing: NULL.
struct Event {
  std::string op;
  std::map<std::string, std::string> values;
  std::set<std::string> unchanged = {};
  std::optional<std::map<std::string, std::string>> moved_from = {};
};

/// The position behind a commit, and the first digits of its events' `_kyma_lsn`, which is before it.
inline std::string position_of(uint64_t commit) { return fmt::format("{:016X}", 16 * commit); }
inline std::string place_of(uint64_t commit) { return fmt::format("{:016X}", 16 * commit - 16); }

inline void append(batch::ColumnBuilder& builder, const plan::Column& column,
                   const std::map<std::string, std::string>& values) {
  const auto found = values.find(column.name);
  if (found == values.end()) return builder.append_null();
  if (column.type.kind == plan::Kind::int64) return builder.append(static_cast<int64_t>(std::stoll(found->second)));
  builder.append_bytes(found->second.data(), found->second.size());
}

inline batch::ColumnBuilder builder_of(const plan::Column& column) {
  return column.type.kind == plan::Kind::int64 ? batch::ColumnBuilder::fixed(8) : batch::ColumnBuilder::bytes();
}

/// The events of one commit, as a decoder hands them over: `_last` is computed, nothing else.
inline connector::RowChanges changes_of(const ChangeTablePtr& table, uint64_t commit, const std::vector<Event>& events,
                                        uint64_t first_place = 1) {
  using batch::ColumnBuilder;
  std::map<std::string, size_t> last;
  const auto key_of = [&](const Event& event) {
    std::string key;
    for (const auto& name : table->key) key += event.values.at(name) + "\x01";
    return key;
  };
  for (size_t i = 0; i < events.size(); ++i) last[key_of(events[i])] = i;
  std::vector<ColumnBuilder> builders;
  for (const auto& column : table->columns) builders.push_back(builder_of(column));
  auto op = ColumnBuilder::bytes(), lsn = ColumnBuilder::bytes(), at = ColumnBuilder::fixed(8),
       is_last = ColumnBuilder::bits();
  auto unchanged = ColumnBuilder::list(ColumnBuilder::bytes());
  std::vector<ColumnBuilder> moved;
  std::vector<plan::Column> key;
  for (const auto& column : table->columns) {
    if (std::ranges::find(table->key, column.name) == table->key.end()) continue;
    key.push_back(column);
    moved.push_back(builder_of(column));
  }
  std::vector<bool> moved_valid;
  for (size_t i = 0; i < events.size(); ++i) {
    const auto& event = events[i];
    for (size_t c = 0; c < builders.size(); ++c) append(builders[c], table->columns[c], event.values);
    op.append_bytes(event.op.data(), event.op.size());
    const auto text = fmt::format("{}/{:08X}", place_of(commit), first_place + i);
    lsn.append_bytes(text.data(), text.size());
    at.append(static_cast<int64_t>(1'700'000'000'000'000 + commit));
    is_last.append_bit(last[key_of(event)] == i);
    if (event.unchanged.empty()) {
      unchanged.append_null();
    } else {
      for (const auto& name : event.unchanged) unchanged.child().append_bytes(name.data(), name.size());
      unchanged.end_list();
    }
    for (size_t c = 0; c < moved.size(); ++c)
      append(moved[c], key[c], event.moved_from.value_or(std::map<std::string, std::string>{}));
    moved_valid.push_back(event.moved_from.has_value());
  }
  const auto count = static_cast<int64_t>(events.size());
  std::vector<batch::OwnedArray> arrays, parts;
  for (auto& builder : builders) arrays.push_back(builder.finish());
  for (auto* builder : {&op, &lsn, &at, &is_last, &unchanged}) arrays.push_back(builder->finish());
  for (auto& builder : moved) parts.push_back(builder.finish());
  arrays.push_back(batch::make_struct(std::move(parts), moved_valid));
  connector::RowChanges changes;
  changes.table = table;
  changes.rows = batch::make_struct(std::move(arrays), count);
  changes.count = count;
  return changes;
}

}  // namespace weir::sync::testing
