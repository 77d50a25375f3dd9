/// The types of remote columns as the planner sees them, independent of any database's and of DuckDB's type names.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace weir::plan {

/// What a value is. The Arrow form that a connector must deliver for each kind stands behind it.
enum class Kind : uint8_t {
  boolean,      ///< bool
  int16,        ///< int16
  int32,        ///< int32
  int64,        ///< int64
  uint32,       ///< uint32
  float32,      ///< float32
  float64,      ///< float64
  decimal,      ///< decimal128(precision, scale); precision 1..38
  text,         ///< utf8 (offsets of 32 bits)
  binary,       ///< binary (offsets of 32 bits)
  date,         ///< date32; INT32_MAX and -INT32_MAX are +infinity and -infinity
  time,         ///< time64[us]
  timestamp,    ///< timestamp[us]; INT64_MAX and -INT64_MAX are +infinity and -infinity
  timestamptz,  ///< timestamp[us, UTC]; infinities as above
  interval,     ///< fixed_size_binary(16): int32 months, int32 days, int64 microseconds, native byte order
  uuid,         ///< fixed_size_binary(16): the sixteen bytes in text order
  json,         ///< utf8 holding one JSON document
  list,         ///< list of `children[0]`
};

/// How a column's text compares on its source.
enum class Collation : uint8_t {
  not_text,          ///< comparison does not depend on a collation
  deterministic,     ///< equal only when the bytes are equal; order may differ from byte order
  nondeterministic,  ///< different bytes may be equal (ICU nondeterministic, citext, bpchar): NULL tests only
};

/// A type. `precision` and `scale` are set for `decimal` only, `children` for `list` only.
struct Type {
  Kind kind = Kind::text;
  uint8_t precision = 0;
  uint8_t scale = 0;
  std::vector<Type> children;

  bool operator==(const Type&) const = default;
};

/// "decimal(12,2)", "list(int32)": for messages, the documentation and tests.
std::string to_string(const Type& type);
std::string_view to_string(Kind kind);

}  // namespace weir::plan
