/// One connection to a PostgreSQL server: libpq in its non-blocking form, every wait with a deadline and a stop.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "connectors/postgres/postgres_dialect.h"
#include "connectors/postgres/postgres_parameters.h"
#include "connectors/postgres/postgres_wait.h"

struct pg_conn;
struct pg_result;

namespace weir::postgres {

namespace detail {
struct ClearResult {
  void operator()(pg_result* result) const;
};
struct FinishConnection {
  void operator()(pg_conn* connection) const;
};
struct FreeMemory {
  void operator()(char* memory) const;
};
}  // namespace detail

using ResultHandle = std::unique_ptr<pg_result, detail::ClearResult>;

/// The value in text form; an empty text for NULL.
std::string text_at(const pg_result* result, int row, int column);

/// What a server is, as it said when the connection was opened.
struct ServerFacts {
  int version_number = 0;    ///< 150004
  std::string version;       ///< "15.4"
  std::string encoding;      ///< "UTF8"
  bool in_recovery = false;  ///< a hot standby
};

/// What a session is set to beside what the dialect needs.
struct SessionSettings {
  std::chrono::milliseconds statement_timeout{};  ///< 0: the source's own setting
};

/// One message of a running COPY: a row in binary form.
struct CopyMessage {
  enum class State : uint8_t { row, wait, end };
  State state = State::wait;
  std::unique_ptr<char, detail::FreeMemory> memory;
  size_t length = 0;

  std::span<const char> bytes() const { return {memory.get(), length}; }
};

/// One thread at a time. Every call that waits answers `cancelled` when the waiter's stop was requested and `timeout`
/// when the deadline passed; the statement is still running then. Other errors: those of postgres_errors.h.
class Connection {
 public:
  /// Connects, checks the server's version and sets the session up. Name resolution is libpq's and may block longer.
  static Result<std::unique_ptr<Connection>> open(const ConnectionParameters& parameters,
                                                  const SessionSettings& settings, Waiter& waiter, Deadline deadline);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  const ServerFacts& server() const { return server_; }
  int backend_pid() const { return backend_pid_; }
  bool uses_tls() const;

  /// Sends statements of the simple protocol, all in one round trip.
  Status send(const std::string& text, Waiter& waiter, Deadline deadline);
  /// Sends one statement of the extended protocol, whose rows come in binary form, one result each.
  Status send(const Statement& statement, Waiter& waiter, Deadline deadline);
  /// As `send` without waiting; what the socket does not take is sent by the next call.
  Status send_now(const Statement& statement);
  /// The next result of what was sent, or nothing when all have come. A result may be an error: see `check`.
  Result<ResultHandle> next_result(Waiter& waiter, Deadline deadline);
  /// Whether `next_result` would have to wait for the server.
  bool must_wait() const;
  /// Sends statements and collects their results; the first error among them is the answer.
  Result<std::vector<ResultHandle>> run(const std::string& text, Waiter& waiter, Deadline deadline);
  Result<std::vector<ResultHandle>> run(const Statement& statement, Waiter& waiter, Deadline deadline);

  /// Sends a statement that is answered with COPY BOTH (START_REPLICATION). When it is refused, the connection stays
  /// usable.
  Status begin_copy_both(const std::string& text, Waiter& waiter, Deadline deadline);
  /// Sends a message to a server in COPY BOTH.
  Status put_copy(std::span<const char> message, Waiter& waiter, Deadline deadline);
  /// After a result that says COPY OUT or COPY BOTH: the next row that has arrived whole; `wait`: ask `receive` for
  /// more; `end`: `next_result` tells whether the server ended it well.
  Result<CopyMessage> copy_message();
  /// Waits until something arrives and takes it in: with TLS one record, which may be a single short message.
  Status receive(Waiter& waiter, Deadline deadline);
  /// The same with all that has arrived, up to about a megabyte.
  Status receive_all(Waiter& waiter, Deadline deadline);
  /// Lets TLS take in more than one record at a time: for a peer that sends many short ones.
  void read_ahead();
  /// Bytes that wait in the socket.
  size_t bytes_waiting() const;

  /// Neither a statement nor a transaction is open, and the connection stands.
  bool is_clean() const;
  /// A statement is running or its results have not been taken.
  bool is_busy() const;
  bool is_broken() const;
  /// Whether an idle connection has been closed by the server, or has sent something unasked: it is of no use then.
  bool is_stale() const;
  /// Takes and drops what the running statement still sends.
  Status drain(Waiter& waiter, Deadline deadline);

  /// Empty when `result` is no error.
  Status check(const pg_result* result) const;

 private:
  explicit Connection(pg_conn* raw) : raw_(raw) {}
  Status finish_connecting(const std::string& endpoint, Waiter& waiter, Deadline deadline);
  Status set_up(const SessionSettings& settings, Waiter& waiter, Deadline deadline);
  Status flush(Waiter& waiter, Deadline deadline);
  Status wait(short events, Waiter& waiter, Deadline deadline);
  bool holds_unread() const;
  Result<std::vector<ResultHandle>> collect(Waiter& waiter, Deadline deadline);
  Error lost() const;

  std::unique_ptr<pg_conn, detail::FinishConnection> raw_;
  ServerFacts server_;
  int backend_pid_ = 0;
};

}  // namespace weir::postgres
