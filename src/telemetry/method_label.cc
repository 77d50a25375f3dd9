#include "telemetry/method_label.h"

#include <algorithm>
#include <array>

namespace weir::telemetry {

std::string method_label(std::string_view method) {
  constexpr std::array<std::string_view, 7> kKnown = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"};
  return std::ranges::find(kKnown, method) == kKnown.end() ? "other" : std::string(method);
}

}  // namespace weir::telemetry
