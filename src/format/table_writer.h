/// Answers for people: an aligned table, a plan as plain text, and what ran where.
#pragma once

#include <memory>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "format/text_grid.h"
#include "format/writer.h"

namespace weir::format {

/// A table with a footer "(2 rows, 12 ms)". A statement without rows (DuckDB's "Success" column) is "(done, 3 ms)".
std::unique_ptr<Writer> make_table_writer(const TableOptions& options);
/// The last column's values as they are, one after the other: for EXPLAIN, whose values are drawings of many lines.
std::unique_ptr<Writer> make_plan_writer();
/// Whether an answer is that of EXPLAIN.
bool is_plan(const std::vector<Column>& columns);
/// Whether an answer's columns are those of a statement that has no rows to give.
bool is_done_only(const std::vector<Column>& columns);

/// `pushdown_summary` (an array, as REST shows it) as a table: one line per scan and per thing that stayed here. Empty
/// for an empty array.
std::string pushdown_table(const nlohmann::json& pushdown_summary, const TableOptions& options);
/// `freshness` (an array, as REST shows it) as a table: how old each live copy was that was read. Empty without any.
std::string freshness_table(const nlohmann::json& freshness, const TableOptions& options);

}  // namespace weir::format
