/// libpq's failures → Weir's errors. Pure, so that every case is tested without a server.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace weir::postgres {

/// What the server said about a statement.
struct ServerError {
  std::string sqlstate;  ///< five letters; empty when the connection ended without words
  std::string message;   ///< the primary message
};

/// Why no connection could be opened, from libpq's text with PQERRORS_VERBOSE (the only place where it shows the
/// SQLSTATE of a refused connection). `endpoint` names the server in the message.
/// Codes: source_auth_failed, source_unreachable, tls_not_offered, tls_certificate_invalid, pool_exhausted,
/// source_query_failed.
Error describe_connect_failure(std::string_view libpq_text, std::string_view endpoint);
/// Whether the server refused only because it is starting up: it will answer soon.
bool is_starting_up(std::string_view libpq_text);

/// Why a statement failed. Codes: source_connection_lost, source_query_failed, schema_drift, timeout, pool_exhausted,
/// source_auth_failed.
Error describe_statement_failure(const ServerError& error);
/// The connection ended in the middle, with libpq's text as the reason.
Error describe_lost_connection(std::string_view libpq_text);

}  // namespace weir::postgres
