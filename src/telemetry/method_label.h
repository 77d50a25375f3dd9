/// HTTP methods as labels.
#pragma once

#include <string>
#include <string_view>

namespace weir::telemetry {

/// `method`, or "other" for one that a client made up: such must become neither labels of metrics nor words of the log.
std::string method_label(std::string_view method);

}  // namespace weir::telemetry
