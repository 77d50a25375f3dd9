/// The connections of one connector: bounded, reused, checked before reuse, tidied up in the background.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "base/result.h"
#include "connector/source.h"
#include "connectors/postgres/postgres_connection.h"

namespace weir::postgres {

class Janitor;
class Lease;

struct PoolLimits {
  int size_max = 5;
  std::chrono::milliseconds wait_max{10'000};  ///< for a free connection
  std::chrono::milliseconds connect_timeout{10'000};
};

/// Thread-safe. Never holds more than `size_max` connections, and one more for cancelling statements.
class Pool : public std::enable_shared_from_this<Pool> {
 public:
  using Open = std::function<Result<std::unique_ptr<Connection>>(Waiter& waiter, Deadline deadline)>;

  static std::shared_ptr<Pool> make(Open open, PoolLimits limits);
  ~Pool();

  /// A connection that stands, waiting for a free one. Errors: pool_exhausted, cancelled, those of Connection::open.
  Result<Lease> acquire(Waiter& waiter);
  /// One that is idle and stands, without any waiting.
  std::optional<Lease> try_idle();
  /// A place for one more connection of a read that has one already: only while nobody waits and another place is left.
  /// The connection is opened by `Lease::open`.
  std::optional<Lease> try_spare();
  /// A place, when one is free right now.
  std::optional<Lease> try_place();

  /// Has the running statement of a leased connection cancelled on the server, in the background. Wait for the answer
  /// before the connection is used again: a late cancel would hit its next statement. One that comes before its
  /// statement has no effect.
  std::shared_future<void> cancel(int backend_pid);

  /// Waits until a connection may have come free since `seen` was asked for. False: the deadline passed, or a stop.
  bool wait_for_change(uint64_t seen, Waiter& waiter, Deadline deadline);
  uint64_t changes() const;
  /// Wakes those who wait for a change: something that one of them may use has come free elsewhere.
  void announce_change();

  /// Nothing before the first connection.
  std::optional<ServerFacts> server() const;
  connector::PoolStats stats() const;
  const PoolLimits& limits() const { return limits_; }

 private:
  friend class Lease;
  friend class Janitor;
  struct Idle {
    std::unique_ptr<Connection> connection;
    std::chrono::steady_clock::time_point since;
  };

  Pool(Open open, PoolLimits limits);
  std::optional<Lease> take_place(bool may_open);
  Result<std::unique_ptr<Connection>> open(Waiter& waiter);
  bool answers(Connection& connection, Waiter& waiter) const;
  void drop_idle();
  void give_back(std::unique_ptr<Connection> connection);
  void tidied(std::unique_ptr<Connection> connection);
  std::vector<std::unique_ptr<Connection>> take_idle_since(std::chrono::steady_clock::time_point before);

  const Open open_;
  const PoolLimits limits_;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  uint64_t changes_ = 0;
  std::vector<Idle> idle_;  // the last one was used last
  int leased_ = 0;
  int tidying_ = 0;
  int waiting_ = 0;
  uint64_t opened_total_ = 0;
  uint64_t reconnects_total_ = 0;
  uint64_t lost_ = 0;  // lost connections that no new one has replaced yet
  std::optional<ServerFacts> server_;
  std::unique_ptr<Janitor> janitor_;
};

/// A connection in use, or the place for one; goes back when the lease ends: at once when it is clean, otherwise
/// through the janitor, which cancels what runs and rolls back.
class Lease {
 public:
  Lease(Lease&& other) noexcept;
  Lease& operator=(Lease&& other) noexcept;
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;
  ~Lease();

  Connection& operator*() const { return *connection_; }
  Connection* operator->() const { return connection_.get(); }
  bool has_connection() const { return connection_ != nullptr; }
  /// The connection served another read before, so it may have died unnoticed.
  bool was_reused() const { return reused_; }
  /// Makes sure of a connection that stands: checks a reused one and opens a new one where needed.
  Status open(Waiter& waiter);
  /// After a reused connection proved dead: opens a new one in its place, and drops the pool's idle ones, because what
  /// one connection suffered the others most likely did too.
  Status reopen(Waiter& waiter);

 private:
  friend class Pool;
  Lease(std::shared_ptr<Pool> pool, std::unique_ptr<Connection> connection,
        std::chrono::steady_clock::time_point idle_since);
  void discard();
  void end();

  std::shared_ptr<Pool> pool_;
  std::unique_ptr<Connection> connection_;
  std::chrono::steady_clock::time_point idle_since_;
  bool reused_ = false;
};

}  // namespace weir::postgres
