/// What POST /v1/query asks for, in either of its forms.
#pragma once

#include "base/result.h"
#include "engine/engine.h"
#include "server/router.h"

namespace weir::server {

/// The text alone (application/sql), or a JSON object {"query","language","params","max_rows","timeout_ms","partial"}.
/// Limits in the query string go before those of the body.
/// Errors: invalid_request, unknown_option, invalid_option, not_available_yet (a language other than SQL).
Result<engine::QueryRequest> parse_query_request(const Call& call);

}  // namespace weir::server
