/// SQL on a server.
#pragma once

#include <memory>

#include "cli/http_client.h"
#include "cli/session.h"

namespace weir::cli {

/// Errors: invalid_option for a URL that is none. Does not connect.
Result<std::unique_ptr<Session>> open_remote_session(ServerAddress address);

}  // namespace weir::cli
