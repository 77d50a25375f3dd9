#include "server/json_body.h"

namespace weir::server {
namespace {

/// Deeper documents would exhaust the stack of those who walk them.
constexpr int kDepthMax = 64;

}  // namespace

Result<nlohmann::json> parse_json_object(std::string_view body) {
  bool too_deep = false;
  const auto watch_depth = [&](int depth, nlohmann::json::parse_event_t, nlohmann::json&) {
    too_deep = too_deep || depth > kDepthMax;
    return !too_deep;  // false: what follows is dropped, not kept
  };
  try {
    nlohmann::json document = nlohmann::json::parse(body, watch_depth);
    if (too_deep)
      return fail(ErrorCode::invalid_request, "body is nested deeper than " + std::to_string(kDepthMax) + " levels");
    if (!document.is_object()) return fail(ErrorCode::invalid_request, "body is not a JSON object");
    return document;
  } catch (const nlohmann::json::parse_error& error) {
    return fail(ErrorCode::invalid_request, "body is no valid JSON: defect at byte " + std::to_string(error.byte));
  }
}

}  // namespace weir::server
