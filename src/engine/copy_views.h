/// The live copy of a connector's table as SQL: the lake's rows that no hot row supersedes, and the hot rows.
#pragma once

#include <memory>
#include <string>

#include <duckdb.hpp>
#include <duckdb/parser/statement/select_statement.hpp>

#include "plan/scan.h"

namespace weir::engine {

/// What a bare reference stands for: the current rows, with the four _kyma_* columns behind the source's own.
std::string copy_text(const std::string& connector, const plan::TableName& table);
/// The same with the tombstones of deleted rows: raw(<connector>.<schema>.<table>).
std::string raw_copy_text(const std::string& connector, const plan::TableName& table);
/// Parses either.
duckdb::unique_ptr<duckdb::SelectStatement> parse_copy(const std::string& text);

}  // namespace weir::engine
