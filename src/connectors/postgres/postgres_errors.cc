#include "connectors/postgres/postgres_errors.h"

#include <algorithm>
#include <array>
#include <cctype>

namespace weir::postgres {
namespace {

bool is_sqlstate(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isdigit(c) || std::isupper(c); });
}

/// The line of libpq's text in which the server speaks, as "FATAL:  28P01: password authentication failed …".
/// The severity may be in any language, the SQLSTATE never is.
ServerError find_server_error(std::string_view text) {
  constexpr std::string_view kBefore = ":  ";
  for (size_t at = text.find(kBefore); at != text.npos; at = text.find(kBefore, at + 1)) {
    const std::string_view rest = text.substr(at + kBefore.size());
    if (rest.size() < 7 || !is_sqlstate(rest.substr(0, 5)) || rest.substr(5, 2) != ": ") continue;
    const std::string_view message = rest.substr(7, rest.find('\n') - 7);
    return {std::string(rest.substr(0, 5)), std::string(message)};
  }
  return {};
}

/// libpq's own words: the last attempt's, on one line, without its "connection to server at … failed: ".
std::string last_reason(std::string_view text) {
  constexpr std::string_view kFailed = " failed: ";
  if (const size_t at = text.rfind(kFailed); at != text.npos) text.remove_prefix(at + kFailed.size());
  return std::string(text.substr(0, text.find('\n')));
}

bool contains(std::string_view text, std::string_view part) { return text.find(part) != text.npos; }

std::string with_sqlstate(const ServerError& error) { return error.message + " (SQLSTATE " + error.sqlstate + ")"; }

/// `prefix` of an SQLSTATE → what it means to us. The first match wins.
struct Meaning {
  std::string_view prefix;
  ErrorCode code;
  std::string_view words;
  std::string_view hint;
};

constexpr std::array kConnectMeanings = {
    Meaning{"28", ErrorCode::source_auth_failed, "the source refused the user or the password", ""},
    Meaning{"53300", ErrorCode::pool_exhausted, "the source has no connection left",
            "raise max_connections or the role's connection limit on the source, or lower connection.pool_size"},
    Meaning{"57P", ErrorCode::source_unreachable, "the source does not accept connections now", ""},
    Meaning{"08", ErrorCode::source_unreachable, "the source does not accept connections now", ""},
    Meaning{"", ErrorCode::source_query_failed, "the source refused the connection", ""},
};

constexpr std::array kStatementMeanings = {
    Meaning{"57P", ErrorCode::source_connection_lost, "the source ended the connection", ""},
    Meaning{"08", ErrorCode::source_connection_lost, "the source ended the connection", ""},
    Meaning{"53300", ErrorCode::pool_exhausted, "the source has no connection left",
            "raise max_connections or the role's connection limit on the source, or lower connection.pool_size"},
    Meaning{"28", ErrorCode::source_auth_failed, "the source refused the user", ""},
    Meaning{"42P01", ErrorCode::schema_drift, "a table is gone on the source", ""},
    Meaning{"42703", ErrorCode::schema_drift, "a column is gone on the source", ""},
    Meaning{"3F000", ErrorCode::schema_drift, "a schema is gone on the source", ""},
    Meaning{"42704", ErrorCode::schema_drift, "a type is gone on the source", ""},
    Meaning{"42883", ErrorCode::schema_drift, "a column has another type on the source", ""},
    Meaning{"42804", ErrorCode::schema_drift, "a column has another type on the source", ""},
    Meaning{"42846", ErrorCode::schema_drift, "a column has another type on the source", ""},
    Meaning{"22003", ErrorCode::query_failed, "a number became too large on the source", ""},
    Meaning{"22008", ErrorCode::query_failed, "a moment became too early or too late on the source", ""},
    Meaning{"40001", ErrorCode::source_query_failed, "the source stopped the statement",
            "run the query again; on a standby, max_standby_streaming_delay or hot_standby_feedback avoids it"},
    Meaning{"42501", ErrorCode::source_query_failed, "the source's user may not read this",
            "grant SELECT on the table and USAGE on its schema to the user of connection.url"},
    Meaning{"", ErrorCode::source_query_failed, "the source refused the statement", ""},
};

Error apply(const Meaning& meaning, std::string message) {
  return {meaning.code, std::string(meaning.words) + ": " + std::move(message), std::string(meaning.hint), {}};
}

template <size_t n>
const Meaning& meaning_of(const std::array<Meaning, n>& table, std::string_view sqlstate) {
  return *std::find_if(table.begin(), table.end(),
                       [&](const Meaning& row) { return sqlstate.starts_with(row.prefix); });
}

}  // namespace

// The texts below are libpq's English ones: Weir never sets a locale for messages.
Error describe_connect_failure(std::string_view text, std::string_view endpoint) {
  const std::string at = " at " + std::string(endpoint);
  const ServerError server = find_server_error(text);
  if (!server.sqlstate.empty()) {
    return apply(meaning_of(kConnectMeanings, server.sqlstate), with_sqlstate(server) + at);
  }
  if (contains(text, "does not support SSL") || contains(text, "SSL was required")) {
    return {ErrorCode::tls_not_offered, "TLS is required but not offered" + at, {}, {}};
  }
  if (contains(text, "certificate")) {
    return {
        ErrorCode::tls_certificate_invalid, "the certificate does not verify" + at + ": " + last_reason(text), {}, {}};
  }
  if (contains(text, "no password supplied")) {
    return {ErrorCode::source_auth_failed,
            "the source asks for a password and none is given" + at,
            "set connection.secret_ref to a reference to the password",
            {}};
  }
  return {ErrorCode::source_unreachable, "cannot connect" + at + ": " + last_reason(text), {}, {}};
}

bool is_starting_up(std::string_view text) { return find_server_error(text).sqlstate == "57P03"; }

Error describe_statement_failure(const ServerError& error) {
  if (error.sqlstate.empty()) return describe_lost_connection(error.message);
  if (error.sqlstate == "57014" && contains(error.message, "timeout")) {
    return {ErrorCode::timeout,
            "the source stopped the statement: " + with_sqlstate(error),
            "narrow the query, or raise connection.statement_timeout_ms or the source's own limit",
            {}};
  }
  return apply(meaning_of(kStatementMeanings, error.sqlstate), with_sqlstate(error));
}

Error describe_lost_connection(std::string_view text) {
  const std::string reason = text.empty() ? "it was closed without a word" : last_reason(text);
  return {ErrorCode::source_connection_lost, "the connection to the source was lost: " + reason, {}, {}};
}

}  // namespace weir::postgres
