/// For tests: changes as lines of text.
#pragma once

#include <map>
#include <string>
#include <vector>

#include <arrow/api.h>
#include <arrow/c/bridge.h>
#include <gtest/gtest.h>

#include "connector/changes.h"

namespace weir::postgres {

/// One row of a RowChanges: column → value as text; NULL is "NULL".
using EventRow = std::map<std::string, std::string>;

inline std::string cell_text(const arrow::Array& array, int64_t row) {
  if (array.IsNull(row)) return "NULL";
  const auto scalar = array.GetScalar(row);
  EXPECT_TRUE(scalar.ok());
  return (*scalar)->ToString();
}

/// The rows of a batch. Takes it.
inline std::vector<EventRow> rows_of(connector::RowChanges& changes) {
  auto imported = arrow::ImportRecordBatch(changes.rows.get(), changes.schema.get());
  EXPECT_TRUE(imported.ok()) << imported.status();
  if (!imported.ok()) return {};
  EXPECT_TRUE((*imported)->ValidateFull().ok()) << (*imported)->ValidateFull();
  std::vector<EventRow> rows(static_cast<size_t>((*imported)->num_rows()));
  for (int c = 0; c < (*imported)->num_columns(); c++) {
    for (size_t r = 0; r < rows.size(); r++) {
      rows[r][(*imported)->column_name(c)] = cell_text(*(*imported)->column(c), static_cast<int64_t>(r));
    }
  }
  return rows;
}

/// A change as a line: "insert id=1 name=a", "truncate users", "schema users +c=5 a→b -d", "end users: pk_changed".
inline std::vector<std::string> lines_of(connector::Change& change) {
  std::vector<std::string> lines;
  if (auto* rows = std::get_if<connector::RowChanges>(&change)) {
    for (const EventRow& row : rows_of(*rows)) {
      std::string line = row.at("_kyma_op");
      for (const plan::Column& column : rows->table->columns) line += " " + column.name + "=" + row.at(column.name);
      if (row.at("_last") == "false") line += " superseded";
      if (row.at("_unchanged") != "NULL")
        line += " unchanged" + row.at("_unchanged").substr(std::string("list<item: string>").size());
      if (row.at("_moved_from") != "NULL") line += " moved" + row.at("_moved_from");
      lines.push_back(line);
    }
  } else if (auto* truncation = std::get_if<connector::Truncation>(&change)) {
    lines.push_back("truncate " + truncation->table->name.table);
  } else if (auto* schema = std::get_if<connector::SchemaChange>(&change)) {
    // Of the memo alone.
    if (schema->added.empty() && schema->renamed.empty() && schema->dropped.empty() && schema->widened.empty()) {
      return lines;
    }
    std::string line = "schema " + schema->after->name.table;
    for (const auto& added : schema->added) {
      line += " +" + added.column.name + ":" + added.column.source_type + "=" + added.value.value_or("NULL");
    }
    for (const auto& renamed : schema->renamed) line += " " + renamed.from + "->" + renamed.to;
    for (const auto& dropped : schema->dropped) line += " -" + dropped;
    for (const auto& widened : schema->widened) line += " " + widened.name + ":" + widened.source_type;
    lines.push_back(line);
  } else {
    const auto& end = std::get<connector::TableEnd>(change);
    lines.push_back("end " + end.table.table + ": " + end.stop.reason);
  }
  return lines;
}

}  // namespace weir::postgres
