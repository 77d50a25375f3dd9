/// The one table of error codes.
#include "base/error.h"

#include <array>

namespace weir {
namespace {

using enum ErrorKind;

constexpr std::array kErrors = {
    ErrorInfo{ErrorCode::invalid_request, "invalid_request", invalid_input, 400,
              "The request is not of the form that this route takes.", "Compare it with docs/rest-api.md."},
    ErrorInfo{ErrorCode::unknown_option, "unknown_option", invalid_input, 400, "An option of that name does not exist.",
              "Use the name that the message offers."},
    ErrorInfo{ErrorCode::invalid_option, "invalid_option", invalid_input, 400,
              "An option is missing, of the wrong type or outside its bounds.",
              "Correct the value; the message names the bounds."},
    ErrorInfo{ErrorCode::secret_unresolvable, "secret_unresolvable", invalid_input, 400,
              "A secret reference points to nothing.",
              "Set the environment variable or create the file that the message names, readable by the server."},
    ErrorInfo{ErrorCode::syntax_error, "syntax_error", invalid_input, 400, "The query cannot be parsed.",
              "Correct the text at the position that the message gives."},
    ErrorInfo{ErrorCode::invalid_query, "invalid_query", invalid_input, 400,
              "The query parses, but names, types or functions do not fit.", "Correct the query as the message says."},
    ErrorInfo{ErrorCode::query_failed, "query_failed", invalid_input, 400,
              "The query failed on a value, for example a division or a cast.",
              "Correct the query or the data that the message names."},
    ErrorInfo{ErrorCode::table_not_found, "table_not_found", not_found, 404, "No table of that name is visible.",
              "Use the name that the message offers, or list tables with GET /v1/catalog/schema."},
    ErrorInfo{ErrorCode::column_not_found, "column_not_found", not_found, 404,
              "No column of that name is in the tables of the query.", "Use the name that the message offers."},
    ErrorInfo{ErrorCode::schema_not_found, "schema_not_found", not_found, 404,
              "No schema or connector of that name exists.",
              "Use the name that the message offers; a connector's scope hides schemas too."},
    ErrorInfo{ErrorCode::connector_not_found, "connector_not_found", not_found, 404,
              "No connector has that id or name.", "List connectors with GET /v1/connectors."},
    ErrorInfo{ErrorCode::query_not_found, "query_not_found", not_found, 404, "No running query has that id.",
              "List queries with GET /v1/queries."},
    ErrorInfo{ErrorCode::route_not_found, "route_not_found", not_found, 404, "No route answers that method and path.",
              "Compare the path with docs/rest-api.md."},
    ErrorInfo{ErrorCode::already_exists, "already_exists", ErrorKind::already_exists, 409,
              "Something of that name exists.", "Choose another name, or change the existing one."},
    ErrorInfo{ErrorCode::unauthenticated, "unauthenticated", ErrorKind::unauthenticated, 401,
              "The request carries no valid token.",
              "Send 'Authorization: Bearer <token>' with a token of the server's token file."},
    ErrorInfo{ErrorCode::statement_not_allowed, "statement_not_allowed", permission_denied, 403,
              "The token's role may not run this.",
              "Use a token whose role may; docs/security.md lists what each role may run."},
    ErrorInfo{ErrorCode::source_disabled, "source_disabled", unavailable, 409,
              "The connector is paused, or its mode does not allow this read.",
              "Resume the connector, or read the table the way its mode allows."},
    ErrorInfo{ErrorCode::source_auth_failed, "source_auth_failed", invalid_input, 502,
              "The source refused the user or the password.",
              "Check the user in connection.url and the secret in connection.secret_ref."},
    ErrorInfo{ErrorCode::source_unreachable, "source_unreachable", unavailable, 502, "The source cannot be reached.",
              "Check host and port, and that the source runs and accepts connections from here."},
    ErrorInfo{ErrorCode::source_connection_lost, "source_connection_lost", unavailable, 502,
              "The source closed the connection while a query was reading.",
              "Run the query again; the next one connects anew."},
    ErrorInfo{ErrorCode::source_query_failed, "source_query_failed", invalid_input, 502,
              "The source refused the statement that Weir sent.",
              "The message carries the source's own words and SQLSTATE."},
    ErrorInfo{ErrorCode::tls_not_offered, "tls_not_offered", invalid_input, 502,
              "TLS is required but the source does not offer it.",
              "Enable TLS on the source, or set connection.tls to 'disabled' on a network you trust."},
    ErrorInfo{ErrorCode::tls_certificate_invalid, "tls_certificate_invalid", invalid_input, 502,
              "The source's certificate does not verify.",
              "Set connection.tls_root_cert to the authority that signed it, and use the host name it was made for."},
    ErrorInfo{ErrorCode::schema_drift, "schema_drift", conflict, 409,
              "A table changed or vanished on the source between planning and reading.",
              "Run the query again; the cached schema has been dropped."},
    ErrorInfo{ErrorCode::value_out_of_range, "value_out_of_range", invalid_input, 422,
              "A value of the source has no exact place in the column's type.",
              "Follow the message: it names the option that reads the column in another way."},
    ErrorInfo{ErrorCode::pool_exhausted, "pool_exhausted", resource_exhausted, 503,
              "All connections of a connector stayed in use for too long.",
              "Try again, or raise connection.pool_size."},
    ErrorInfo{ErrorCode::row_limit_exceeded, "row_limit_exceeded", resource_exhausted, 422,
              "The result has more rows than the limit allows.", "Add a LIMIT, aggregate, or raise max_rows."},
    ErrorInfo{ErrorCode::timeout, "timeout", resource_exhausted, 504, "The query ran longer than its time limit.",
              "Narrow the query, or raise timeout_ms."},
    ErrorInfo{ErrorCode::too_many_requests, "too_many_requests", resource_exhausted, 429,
              "As many requests as allowed are already running or waiting.",
              "Try again after the time in Retry-After."},
    ErrorInfo{ErrorCode::body_too_large, "body_too_large", resource_exhausted, 413,
              "The request body is larger than allowed.", "Send less, or raise --max-body-bytes."},
    ErrorInfo{ErrorCode::out_of_memory, "out_of_memory", resource_exhausted, 503,
              "The query needs more memory than the limit allows.", "Narrow the query, or raise --memory-limit."},
    ErrorInfo{ErrorCode::disk_full, "disk_full", resource_exhausted, 507,
              "The disk of the data directory is full; the statement changed nothing.",
              "Free space on the disk that the message names, then run it again."},
    ErrorInfo{ErrorCode::commit_conflict, "commit_conflict", conflict, 409,
              "Another commit changed the same rows first; this one changed nothing.", "Run the statement again."},
    ErrorInfo{ErrorCode::data_dir_locked, "data_dir_locked", unavailable, 409,
              "Another process uses the data directory.",
              "Ask the server at the address that the message names, or stop it."},
    ErrorInfo{ErrorCode::data_dir_version, "data_dir_version", invalid_input, 409,
              "The data directory was written by a newer version of Weir.", "Use that version or a later one."},
    ErrorInfo{ErrorCode::data_dir_damaged, "data_dir_damaged", data_loss, 500,
              "A file of the data directory is missing or not what it should be.",
              "Keep the directory as it is and restore from a copy; the message names the file."},
    ErrorInfo{ErrorCode::io_error, "io_error", unavailable, 500, "The operating system refused a file operation.",
              "Check the path and its permissions."},
    ErrorInfo{ErrorCode::cancelled, "cancelled", ErrorKind::cancelled, 499, "The query was cancelled.",
              "Run it again if that was not meant."},
    ErrorInfo{ErrorCode::shutting_down, "shutting_down", unavailable, 503,
              "The server is stopping and takes no new work.", "Try again when it has restarted."},
    ErrorInfo{ErrorCode::server_unreachable, "server_unreachable", unavailable, 503,
              "The command line cannot reach the Weir server, or lost it in mid-answer.",
              "Start it with 'weir serve', or name another one with --url."},
    ErrorInfo{ErrorCode::not_available_yet, "not_available_yet", ErrorKind::not_available_yet, 501,
              "This is planned but not built.", "Leave it out; CHANGELOG.md says when it comes."},
    ErrorInfo{ErrorCode::internal, "internal", ErrorKind::internal, 500, "A defect of Weir.",
              "Report it with the request id and the server's log."},
};

}  // namespace

const ErrorInfo& describe(ErrorCode code) { return kErrors[static_cast<size_t>(code)]; }

std::span<const ErrorInfo> error_table() { return kErrors; }

std::string Error::to_string() const {
  std::string text(describe(code).name);
  text += ": " + (source.empty() ? "" : source + ": ") + message;
  return hint.empty() ? text : text + " (" + hint + ")";
}

}  // namespace weir
