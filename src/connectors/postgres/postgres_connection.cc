#include "connectors/postgres/postgres_connection.h"

#include <charconv>
#include <utility>

#include <fmt/format.h>
#include <libpq-fe.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/ioctl.h>

#include "connectors/postgres/postgres_errors.h"

namespace weir::postgres {
namespace {

using std::chrono::steady_clock;

/// The oldest release whose catalogs and functions the statements of this folder use.
constexpr int kOldestVersion = 120000;

constexpr auto kStartingUpPause = std::chrono::milliseconds(100);

/// One round trip that answers what the server is and sets the session. The settings are those that the dialect and
/// the decoder count on; beside them:
/// - default_transaction_read_only: nothing that a view calls may write through Weir.
/// - idle_in_transaction_session_timeout: a transaction that holds a snapshot for others waits without harm.
/// - jit: compiling costs more than it wins for what is asked here, and each parallel worker pays for it anew.
/// - client_connection_check_interval (14 and later, on Linux): the server notices a client that is gone in the middle
///   of a long statement.
std::string set_up_text(const SessionSettings& settings) {
  std::string text =
      "SELECT pg_backend_pid(), current_setting('server_version_num'), current_setting('server_version'), "
      "current_setting('server_encoding'), pg_is_in_recovery(), "
      "set_config('DateStyle', 'ISO, YMD', false), set_config('IntervalStyle', 'postgres', false), "
      "set_config('TimeZone', 'UTC', false), set_config('extra_float_digits', '3', false), "
      "set_config('bytea_output', 'hex', false), set_config('standard_conforming_strings', 'on', false), "
      "set_config('search_path', 'pg_catalog', false), set_config('default_transaction_read_only', 'on', false), "
      "set_config('idle_in_transaction_session_timeout', '0', false), set_config('jit', 'off', false), "
      "CASE WHEN current_setting('server_version_num')::int >= 140000 AND version() LIKE '%linux%' "
      "THEN set_config('client_connection_check_interval', '5s', false) END";
  if (settings.statement_timeout.count() > 0) {
    text += fmt::format(", set_config('statement_timeout', '{}', false)", settings.statement_timeout.count());
  }
  return text;
}

int to_int(const std::string& text) {
  int value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

/// Parallel arrays as libpq takes them; they borrow from `keywords`.
struct KeywordArrays {
  explicit KeywordArrays(const ConnectionParameters& parameters) {
    for (const auto& [name, value] : parameters.keywords) {
      names.push_back(name.c_str());
      values.push_back(value.c_str());
    }
    names.push_back(nullptr);
    values.push_back(nullptr);
  }
  std::vector<const char*> names, values;
};

Error stopped() { return {ErrorCode::cancelled, "the read was cancelled", {}, {}}; }

}  // namespace

void detail::ClearResult::operator()(pg_result* result) const { PQclear(result); }
void detail::FinishConnection::operator()(pg_conn* connection) const { PQfinish(connection); }
void detail::FreeMemory::operator()(char* memory) const { PQfreemem(memory); }

std::string text_at(const pg_result* result, int row, int column) {
  return {PQgetvalue(result, row, column), static_cast<size_t>(PQgetlength(result, row, column))};
}

Result<std::unique_ptr<Connection>> Connection::open(const ConnectionParameters& parameters,
                                                     const SessionSettings& settings, Waiter& waiter,
                                                     Deadline deadline) {
  const KeywordArrays keywords(parameters);
  for (;;) {
    std::unique_ptr<Connection> connection(
        new Connection(PQconnectStartParams(keywords.names.data(), keywords.values.data(), 0)));
    if (connection->raw_ == nullptr) return fail(ErrorCode::out_of_memory, "no memory for a connection");
    Status connected = connection->finish_connecting(parameters.endpoint, waiter, deadline);
    if (connected) {
      WEIR_TRY(connection->set_up(settings, waiter, deadline));
      return connection;
    }
    // A server that has just been restarted refuses for some moments; that is no reason to fail a query.
    const bool starting_up = is_starting_up(PQerrorMessage(connection->raw_.get()));
    if (!starting_up || steady_clock::now() + kStartingUpPause >= deadline) return fail(connected.error());
    if (waiter.pause(kStartingUpPause) == Waiter::Outcome::stopped) return fail(stopped());
  }
}

Status Connection::finish_connecting(const std::string& endpoint, Waiter& waiter, Deadline deadline) {
  pg_conn* raw = raw_.get();
  // Only verbose messages carry the SQLSTATE of a refused connection.
  PQsetErrorVerbosity(raw, PQERRORS_VERBOSE);
  PostgresPollingStatusType state = PQstatus(raw) == CONNECTION_BAD ? PGRES_POLLING_FAILED : PGRES_POLLING_WRITING;
  while (state == PGRES_POLLING_READING || state == PGRES_POLLING_WRITING) {
    const short events = state == PGRES_POLLING_READING ? POLLIN : POLLOUT;
    switch (waiter.wait(PQsocket(raw), events, deadline)) {
      case Waiter::Outcome::stopped:
        return fail(stopped());
      case Waiter::Outcome::timed_out:
        return fail(ErrorCode::source_unreachable, "no answer within connection.connect_timeout_ms from " + endpoint);
      case Waiter::Outcome::ready:
        break;
    }
    state = PQconnectPoll(raw);
  }
  if (state != PGRES_POLLING_OK) return fail(describe_connect_failure(PQerrorMessage(raw), endpoint));
  PQsetErrorVerbosity(raw, PQERRORS_DEFAULT);
  // Notices are for a person at a terminal; libpq would write them to standard error.
  PQsetNoticeReceiver(raw, [](void*, const PGresult*) {}, nullptr);
  PQsetnonblocking(raw, 1);
  return {};
}

Status Connection::set_up(const SessionSettings& settings, Waiter& waiter, Deadline deadline) {
  const int version = PQserverVersion(raw_.get());
  if (version < kOldestVersion) {
    return fail(ErrorCode::not_available_yet,
                fmt::format("this version of PostgreSQL is too old: {}.{}", version / 10000, version / 100 % 100),
                "Weir reads version 12 and later");
  }
  const auto results = WEIR_TRY(run(set_up_text(settings), waiter, deadline));
  const pg_result* row = results.at(0).get();
  backend_pid_ = to_int(text_at(row, 0, 0));
  server_.version_number = to_int(text_at(row, 0, 1));
  server_.version = text_at(row, 0, 2);
  server_.version.resize(std::min(server_.version.size(), server_.version.find(' ')));
  server_.encoding = text_at(row, 0, 3);
  server_.in_recovery = text_at(row, 0, 4) == "t";
  return {};
}

bool Connection::uses_tls() const { return PQsslInUse(raw_.get()) != 0; }

Status Connection::send(const std::string& text, Waiter& waiter, Deadline deadline) {
  if (PQsendQuery(raw_.get(), text.c_str()) == 0) return fail(lost());
  return flush(waiter, deadline);
}

Status Connection::send(const Statement& statement, Waiter& waiter, Deadline deadline) {
  WEIR_TRY(send_now(statement));
  return flush(waiter, deadline);
}

Status Connection::send_now(const Statement& statement) {
  std::vector<Oid> types;
  std::vector<const char*> values;
  std::vector<int> lengths, formats;
  for (const Parameter& parameter : statement.params) {
    types.push_back(parameter.type_oid);
    values.push_back(parameter.is_null ? nullptr : parameter.text.data());
    lengths.push_back(static_cast<int>(parameter.text.size()));
    formats.push_back(parameter.is_binary ? 1 : 0);
  }
  constexpr int kBinary = 1;
  const int sent = PQsendQueryParams(raw_.get(), statement.text.c_str(), static_cast<int>(values.size()), types.data(),
                                     values.data(), lengths.data(), formats.data(), kBinary);
  if (sent == 0 || PQsetSingleRowMode(raw_.get()) == 0) return fail(lost());
  return {};
}

Result<ResultHandle> Connection::next_result(Waiter& waiter, Deadline deadline) {
  WEIR_TRY(flush(waiter, deadline));
  while (PQisBusy(raw_.get()) != 0) WEIR_TRY(receive(waiter, deadline));
  return ResultHandle(PQgetResult(raw_.get()));
}

bool Connection::must_wait() const { return PQisBusy(raw_.get()) != 0; }

Result<std::vector<ResultHandle>> Connection::run(const std::string& text, Waiter& waiter, Deadline deadline) {
  WEIR_TRY(send(text, waiter, deadline));
  return collect(waiter, deadline);
}

Result<std::vector<ResultHandle>> Connection::run(const Statement& statement, Waiter& waiter, Deadline deadline) {
  WEIR_TRY(send(statement, waiter, deadline));
  return collect(waiter, deadline);
}

Result<std::vector<ResultHandle>> Connection::collect(Waiter& waiter, Deadline deadline) {
  std::vector<ResultHandle> results;
  Status first_error;
  for (;;) {
    ResultHandle result = WEIR_TRY(next_result(waiter, deadline));
    if (result == nullptr) break;
    if (first_error) first_error = check(result.get());
    results.push_back(std::move(result));
  }
  if (!first_error) return fail(first_error.error());
  if (results.empty()) return fail(lost());
  return results;
}

Status Connection::begin_copy_both(const std::string& text, Waiter& waiter, Deadline deadline) {
  WEIR_TRY(send(text, waiter, deadline));
  const ResultHandle begun = WEIR_TRY(next_result(waiter, deadline));
  if (begun == nullptr) return fail(lost());
  if (PQresultStatus(begun.get()) == PGRES_COPY_BOTH) return {};
  const Status status = check(begun.get());
  if (!status) {
    WEIR_TRY(drain(waiter, deadline));
    return status;
  }
  return fail(ErrorCode::internal, "the source did not begin to send changes (protocol error; report it)");
}

Status Connection::put_copy(std::span<const char> message, Waiter& waiter, Deadline deadline) {
  for (;;) {
    const int put = PQputCopyData(raw_.get(), message.data(), static_cast<int>(message.size()));
    if (put < 0) return fail(lost());
    WEIR_TRY(flush(waiter, deadline));
    if (put > 0) return {};
  }
}

Result<CopyMessage> Connection::copy_message() {
  char* memory = nullptr;
  const int length = PQgetCopyData(raw_.get(), &memory, /*async=*/1);
  CopyMessage message;
  message.memory.reset(memory);
  if (length == -2) return fail(lost());
  if (length == -1) message.state = CopyMessage::State::end;
  if (length > 0) {
    message.state = CopyMessage::State::row;
    message.length = static_cast<size_t>(length);
  }
  return message;
}

Status Connection::receive(Waiter& waiter, Deadline deadline) {
  WEIR_TRY(wait(POLLIN, waiter, deadline));
  if (PQconsumeInput(raw_.get()) == 0) return fail(lost());
  return {};
}

Status Connection::receive_all(Waiter& waiter, Deadline deadline) {
  constexpr size_t kEnoughBytes = 1 << 20;
  constexpr int kRoundsMax = 8192;
  WEIR_TRY(wait(POLLIN, waiter, deadline));
  size_t taken = 0;
  for (int round = 0; round < kRoundsMax; round++) {
    const size_t before = bytes_waiting();
    if (PQconsumeInput(raw_.get()) == 0) return fail(lost());
    const size_t after = bytes_waiting();
    taken += before > after ? before - after : 0;
    if (!holds_unread() && (after == 0 || taken >= kEnoughBytes)) break;
  }
  return {};
}

void Connection::read_ahead() {
  if (auto* tls = static_cast<SSL*>(PQsslStruct(raw_.get(), "OpenSSL")); tls != nullptr) SSL_set_read_ahead(tls, 1);
}

/// Whether OpenSSL has taken something from the socket that it can still give; a part of a record is none.
bool Connection::holds_unread() const {
  auto* tls = static_cast<SSL*>(PQsslStruct(raw_.get(), "OpenSSL"));
  return tls != nullptr && (SSL_pending(tls) > 0 || (SSL_has_pending(tls) != 0 && SSL_want(tls) != SSL_READING));
}

Status Connection::flush(Waiter& waiter, Deadline deadline) {
  for (;;) {
    const int left = PQflush(raw_.get());
    if (left == 0) return {};
    if (left < 0) return fail(lost());
    // A server that sends while we do must be heard, or both would wait for ever.
    WEIR_TRY(wait(POLLIN | POLLOUT, waiter, deadline));
    if (PQconsumeInput(raw_.get()) == 0) return fail(lost());
  }
}

Status Connection::wait(short events, Waiter& waiter, Deadline deadline) {
  // What OpenSSL has taken in already no longer shows on the socket (libpq looks after it in its blocking calls only).
  if ((events & POLLIN) != 0 && holds_unread()) {
    if (waiter.stopped()) return fail(stopped());
    return {};
  }
  switch (waiter.wait(PQsocket(raw_.get()), events, deadline)) {
    case Waiter::Outcome::ready:
      return {};
    case Waiter::Outcome::stopped:
      return fail(stopped());
    case Waiter::Outcome::timed_out:
      break;
  }
  return fail(ErrorCode::timeout, "the source did not answer in time");
}

size_t Connection::bytes_waiting() const {
  int count = 0;
  return ioctl(PQsocket(raw_.get()), FIONREAD, &count) == 0 && count > 0 ? static_cast<size_t>(count) : 0;
}

bool Connection::is_clean() const { return !is_broken() && PQtransactionStatus(raw_.get()) == PQTRANS_IDLE; }
bool Connection::is_busy() const { return !is_broken() && PQtransactionStatus(raw_.get()) == PQTRANS_ACTIVE; }
bool Connection::is_broken() const { return PQstatus(raw_.get()) != CONNECTION_OK; }

bool Connection::is_stale() const {
  if (is_broken()) return true;
  pollfd watched{PQsocket(raw_.get()), POLLIN, 0};
  return poll(&watched, 1, 0) != 0;
}

Status Connection::drain(Waiter& waiter, Deadline deadline) {
  for (;;) {
    const ResultHandle result = WEIR_TRY(next_result(waiter, deadline));
    if (result == nullptr) return {};
    while (PQresultStatus(result.get()) == PGRES_COPY_OUT) {
      const CopyMessage message = WEIR_TRY(copy_message());
      if (message.state == CopyMessage::State::end) break;
      if (message.state == CopyMessage::State::wait) WEIR_TRY(receive(waiter, deadline));
    }
  }
}

Status Connection::check(const pg_result* result) const {
  const ExecStatusType status = PQresultStatus(result);
  if (status != PGRES_FATAL_ERROR && status != PGRES_BAD_RESPONSE) return {};
  const char* sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  const char* message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
  if (sqlstate == nullptr || message == nullptr) return fail(lost());
  return fail(describe_statement_failure({sqlstate, message}));
}

Error Connection::lost() const { return describe_lost_connection(PQerrorMessage(raw_.get())); }

}  // namespace weir::postgres
