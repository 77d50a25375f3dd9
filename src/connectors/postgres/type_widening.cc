#include "connectors/postgres/type_widening.h"

#include <array>

#include "connectors/postgres/type_oids.h"

namespace weir::postgres {
namespace {

/// Rewrites of a type that keep every value, and whether they keep its text.
struct Widening {
  uint32_t from, to;
  bool same_text;
};
constexpr std::array kWidenings = {
    Widening{oid::kInt2, oid::kInt4, true},    Widening{oid::kInt2, oid::kInt8, true},
    Widening{oid::kInt4, oid::kInt8, true},    Widening{oid::kFloat4, oid::kFloat8, false},
    Widening{oid::kVarchar, oid::kText, true}, Widening{oid::kText, oid::kVarchar, true},
};

/// Whether a type with this modifier holds all that the same type with the other one does. -1 is no limit.
bool loosens(uint32_t type, int32_t from, int32_t to) {
  if (from == to) return true;
  switch (type) {
    case oid::kVarchar:
    case oid::kTime:
    case oid::kTimestamp:
    case oid::kTimestamptz:
    case oid::kVarbit:
      return to == -1 || (from != -1 && to > from);
    case oid::kNumeric:
      return true;  // the plan's types tell
    default:
      return false;
  }
}

bool holds(const plan::Type& to, const plan::Type& from) {
  if (to.kind != from.kind) return false;
  if (to.kind != plan::Kind::decimal) return to == from;
  return to.scale >= from.scale && to.precision - to.scale >= from.precision - from.scale;
}

}  // namespace

bool widens(const SourceColumn& from, const plan::Column& before, const SourceColumn& to, const plan::Column& after,
            bool in_key) {
  if (from.type_oid == to.type_oid) {
    if (!loosens(from.type_oid, from.type_modifier, to.type_modifier)) return false;
    if (before.cast_to_text != after.cast_to_text) return false;
    if (from.type_oid != oid::kNumeric) return before.type == after.type;
    // numeric(12,2) and numeric(12,4) show different texts.
    return holds(after.type, before.type) && (!in_key || after.type.scale == before.type.scale);
  }
  for (const Widening& one : kWidenings) {
    if (one.from != from.type_oid || one.to != to.type_oid) continue;
    const bool limited = to.type_oid == oid::kVarchar && to.type_modifier != -1;
    return !limited && (one.same_text || !in_key);
  }
  return false;
}

}  // namespace weir::postgres
