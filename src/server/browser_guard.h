/// Keeps web pages away from a server that trusts everyone who reaches it.
#pragma once

#include "base/result.h"
#include "server/http.h"

namespace weir::server {

/// Without tokens, any program of this machine is admin, and a browser would carry a foreign page's requests here:
/// directly (Origin is another site) or by a host name that points to 127.0.0.1 (Host is not local).
/// Errors: statement_not_allowed.
Status check_not_from_web_page(const Fields& fields);

}  // namespace weir::server
