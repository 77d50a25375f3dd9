#include "plan/type.h"

#include <array>

namespace weir::plan {

std::string_view to_string(Kind kind) {
  static constexpr std::array<std::string_view, 18> kNames = {
      "boolean", "int16", "int32", "int64",     "uint32",      "float32",  "float64", "decimal", "text",
      "binary",  "date",  "time",  "timestamp", "timestamptz", "interval", "uuid",    "json",    "list"};
  static_assert(kNames.size() == static_cast<size_t>(Kind::list) + 1);
  return kNames[static_cast<size_t>(kind)];
}

std::string to_string(const Type& type) {
  std::string name(to_string(type.kind));
  if (type.kind == Kind::decimal) {
    return name + "(" + std::to_string(type.precision) + "," + std::to_string(type.scale) + ")";
  }
  if (type.kind == Kind::list && !type.children.empty()) return name + "(" + to_string(type.children[0]) + ")";
  return name;
}

}  // namespace weir::plan
