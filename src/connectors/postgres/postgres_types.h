/// PostgreSQL's types → the plan's. The rules are written down in TYPES.md; this is their only implementation.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/result.h"
#include "plan/scan.h"

namespace weir::postgres {

/// What becomes of a numeric without an exact decimal: no precision, more than 38 digits, negative scale or a scale
/// above its precision. Option `connection.numeric_mode`.
struct NumericMode {
  enum class Form : uint8_t { decimal, string, floating };
  Form form = Form::decimal;
  uint8_t precision = 38;  ///< of Form::decimal
  uint8_t scale = 10;      ///< of Form::decimal
};
/// "decimal(38,10)" (any precision 1..38 and scale up to it), "string" or "double". Errors: invalid_option.
Result<NumericMode> parse_numeric_mode(std::string_view text);

/// What becomes of an array column. Option `connection.array_mode`.
enum class ArrayMode : uint8_t {
  list,  ///< a list; a value with several dimensions or another lower bound than 1 is an error naming the option
  text,  ///< PostgreSQL's own text form
};
/// "list" or "text". Errors: invalid_option.
Result<ArrayMode> parse_array_mode(std::string_view text);

struct TypeOptions {
  NumericMode numeric_mode;
  ArrayMode array_mode = ArrayMode::list;
};

/// A row of pg_type.
struct TypeFacts {
  std::string name = {};        ///< typname
  char category = 'b';          ///< typtype: b base, c composite, d domain, e enum, m multirange, p pseudo, r range
  uint32_t element_oid = 0;     ///< typelem where typcategory = 'A' and typlen = -1, otherwise 0
  uint32_t base_oid = 0;        ///< typbasetype, of domains
  int32_t base_modifier = -1;   ///< typtypmod, of domains
  int32_t base_dimensions = 0;  ///< typndims, of domains
};
/// pg_type by oid: the columns' types, their elements and their domains' base types, to any depth. A type that is
/// missing counts as unknown and is cast to text.
using TypeCatalog = std::unordered_map<uint32_t, TypeFacts>;

/// A row of pg_attribute.
struct ColumnFacts {
  std::string name = {};                ///< attname
  uint32_t type_oid = 0;                ///< atttypid
  int32_t type_modifier = -1;           ///< atttypmod
  int32_t dimensions = 0;               ///< attndims
  bool not_null = false;                ///< attnotnull
  bool collation_deterministic = true;  ///< pg_collation.collisdeterministic of attcollation; true when it is 0
  std::string type_text = {};           ///< format_type(atttypid, atttypmod)
};

/// The plan's column for one of PostgreSQL's. Total: what has no exact home is cast to text.
plan::Column map_column(const ColumnFacts& column, const TypeCatalog& types, const TypeOptions& options);

}  // namespace weir::postgres
