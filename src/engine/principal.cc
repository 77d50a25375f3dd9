/// What a token that is confined to schemas may know of.
#include <algorithm>
#include <cctype>

#include "engine/engine.h"

namespace weir::engine {
namespace {

bool same(std::string_view left, std::string_view right) {
  return std::ranges::equal(
      left, right, {}, [](unsigned char letter) { return std::tolower(letter); },
      [](unsigned char letter) { return std::tolower(letter); });
}

}  // namespace

std::string_view to_string(Role role) {
  switch (role) {
    case Role::read:
      return "read";
    case Role::write:
      return "write";
    case Role::admin:
      break;
  }
  return "admin";
}

bool Principal::may_see(std::string_view schema) const {
  return schemas.empty() ||
         std::ranges::any_of(schemas, [&](const std::string& allowed) { return same(allowed, schema); });
}

}  // namespace weir::engine
