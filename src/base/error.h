/// Errors as values: what went wrong, which stable code it has, and what a person can do about it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace weir {

/// What a caller does about an error. Every `ErrorCode` has exactly one kind.
enum class ErrorKind : uint8_t {
  invalid_input,       ///< change the request
  not_found,           ///< name something that exists
  already_exists,      ///< choose another name
  unauthenticated,     ///< send a valid token
  permission_denied,   ///< ask for a role that may
  unavailable,         ///< retry later
  conflict,            ///< rebase and retry
  resource_exhausted,  ///< back off, or raise the limit that is named
  data_loss,           ///< stop and tell a person
  cancelled,           ///< nothing; it was asked for
  not_available_yet,   ///< wait for a later version
  internal,            ///< report it
};

/// The stable code of an error; its text form is what REST and the CLI show. `docs/errors.md` is made from the same
/// table.
enum class ErrorCode : uint8_t {
  invalid_request,
  unknown_option,
  invalid_option,
  secret_unresolvable,
  syntax_error,
  invalid_query,
  query_failed,
  table_not_found,
  column_not_found,
  schema_not_found,
  connector_not_found,
  query_not_found,
  route_not_found,
  already_exists,
  unauthenticated,
  statement_not_allowed,
  source_disabled,
  source_auth_failed,
  source_unreachable,
  source_connection_lost,
  source_query_failed,
  source_permission_denied,
  source_not_prepared,
  tls_not_offered,
  tls_certificate_invalid,
  schema_drift,
  replication_slot_missing,
  replication_slot_in_use,
  sync_data_loss,
  table_snapshotting,
  table_not_synced,
  value_out_of_range,
  pool_exhausted,
  row_limit_exceeded,
  source_limit_exceeded,
  timeout,
  too_many_requests,
  body_too_large,
  out_of_memory,
  disk_full,
  commit_conflict,
  data_dir_locked,
  data_dir_version,
  data_dir_damaged,
  io_error,
  cancelled,
  shutting_down,
  server_unreachable,
  not_available_yet,
  engine_stopped,
  internal,
};

/// One row of the error table.
struct ErrorInfo {
  ErrorCode code;
  std::string_view name;  ///< as users see it, e.g. "table_not_found"
  ErrorKind kind;
  int http_status;           ///< status of a REST answer that is only this error
  std::string_view meaning;  ///< one sentence for the documentation
  std::string_view action;   ///< what to do, for the documentation and as a hint when none is given
};

/// The row of `code`.
const ErrorInfo& describe(ErrorCode code);
/// All rows, in the order of the enumeration.
std::span<const ErrorInfo> error_table();

/// An error. `message` is static words first, then values; it never holds a secret.
struct Error {
  ErrorCode code = ErrorCode::internal;
  std::string message;
  std::string hint;    ///< what to do; empty: the action of the table
  std::string source;  ///< the connector it came from; empty: Weir itself

  ErrorKind kind() const { return describe(code).kind; }
  /// "table_not_found: no table public.user in pg_prod (did you mean public.users?)", for logs and tests.
  std::string to_string() const;
};

}  // namespace weir
