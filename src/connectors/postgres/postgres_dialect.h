/// Plans → PostgreSQL's SQL. Pure: the same plan always gives the same text.
///
/// The session must run with client_encoding UTF8, TimeZone UTC, DateStyle ISO and search_path pg_catalog.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "plan/capabilities.h"
#include "plan/scan.h"

namespace weir::postgres {

/// A parameter, in text form unless `is_binary`.
struct Parameter {
  uint32_t type_oid;
  std::string text;
  bool is_null;
  bool is_binary = false;

  bool operator==(const Parameter&) const = default;
};

/// A statement for the extended protocol: parameter n stands as $n in the text.
struct Statement {
  std::string text;
  std::vector<Parameter> params;
};

/// Blocks [first, end) of one heap relation; the last range of a relation has no end. A scan of a range reads this
/// relation ONLY, without its inheritance children.
struct CtidRange {
  uint32_t first_block = 0;
  std::optional<uint32_t> end_block;
};

/// `SELECT …` with $n parameters. The columns of the result are those of the projection, in binary form as
/// BatchDecoder reads them; none when the projection is empty.
Statement render_select(const plan::Scan& scan, const std::optional<CtidRange>& range);
/// `COPY (SELECT …) TO STDOUT (FORMAT binary)` with the constants as literals.
std::string render_copy(const plan::Scan& scan, const std::optional<CtidRange>& range);

/// What gives DuckDB's own results, see TYPES.md. Text is not compared when the database is not in UTF-8.
plan::Capabilities capabilities(bool text_is_utf8);

/// "name" in double quotes.
std::string quote_identifier(std::string_view name);
/// 'text' in single quotes, safe under any setting of standard_conforming_strings. `text` holds no NUL.
std::string quote_literal(std::string_view text);

}  // namespace weir::postgres
