/// Content-Type and Accept.
#pragma once

#include <span>
#include <string>

#include "base/result.h"
#include "format/writer.h"

namespace weir::server {

/// "application/SQL; charset=utf-8" → "application/sql"; null stands for no such field.
std::string media_type(const std::string* content_type);
/// Whether the media type is one of `known` and its characters are UTF-8. Errors: invalid_request.
Status check_media_type(const std::string* content_type, std::span<const std::string> known);

/// The best format for an Accept field; null, "*/*" and "application/*" mean JSON. Errors: invalid_request, when we
/// write nothing that the client takes.
Result<format::Format> choose_format(const std::string* accept);

}  // namespace weir::server
