/// Constants of a plan → PostgreSQL's input syntax, and the SQL types they are sent as.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "plan/expression.h"

namespace weir::postgres {

/// The SQL type that a constant of one kind is sent as.
struct ConstantType {
  plan::Kind kind;
  uint32_t type_oid;
  uint32_t array_oid;
  std::string_view name;
};
/// Text for the kinds that are never compared (interval, json, list).
const ConstantType& constant_type(plan::Kind kind);
/// The kind that a list of values shares: the widest of its numeric kinds. Nothing when all are NULL.
std::optional<plan::Kind> common_kind(std::span<const plan::Constant> values);

/// The input syntax of a value that is not NULL.
std::string constant_text(const plan::Constant& constant);
/// An array in input syntax: {"a","b",NULL}.
std::string array_text(std::span<const plan::Constant> values);

/// For a date or timestamp outside PostgreSQL's range: the greatest value inside the range that lies below it. No
/// column equals such a constant, and the two compare alike with everything above this bound.
std::optional<std::string> bound_below(const plan::Constant& constant);

}  // namespace weir::postgres
