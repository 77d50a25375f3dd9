/// JSON in request bodies.
#pragma once

#include <string_view>

#include <nlohmann/json.hpp>

#include "base/result.h"

namespace weir::server {

/// The body as a JSON object. Errors: invalid_request; the message gives the position, never the text, which may hold
/// secrets.
Result<nlohmann::json> parse_json_object(std::string_view body);

}  // namespace weir::server
