/// The background thread of a pool: cancels statements, brings connections back into a clean state, closes idle ones.
#pragma once

#include <condition_variable>
#include <future>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "connectors/postgres/postgres_connection.h"

namespace weir::postgres {

class Pool;

/// Thread-safe. Has the pool's one connection beside its bound: a cancel must get through when all others are in use,
/// and libpq 15's own cancel request would go over the wire in clear.
class Janitor {
 public:
  explicit Janitor(Pool& pool);
  /// Tidies up what is left, within bounds, and joins.
  ~Janitor();

  /// Cancels what runs on `connection`, rolls back, and gives it to the pool, or closes it when the server does not
  /// play along in time.
  void tidy(std::unique_ptr<Connection> connection);
  /// The future is ready once the server has answered, or cannot be asked. A statement that had not begun goes on.
  std::shared_future<void> cancel(int backend_pid);

 private:
  struct Cancel {
    int backend_pid;
    std::promise<void> done;
  };
  struct Work {
    std::vector<std::unique_ptr<Connection>> untidy;
    std::vector<Cancel> cancels;
    bool empty() const { return untidy.empty() && cancels.empty(); }
  };

  void run(const std::stop_token& stop);
  Work wait_for_work(const std::stop_token& stop);
  void perform(Work work);
  void stop_statements(std::vector<std::unique_ptr<Connection>> running, std::vector<int> others);
  bool give_back_if_clean(std::unique_ptr<Connection>& connection, Deadline deadline);
  bool cancel_on_server(const std::vector<int>& backend_pids);
  void close_idle();

  Pool& pool_;
  std::unique_ptr<Connection> control_;
  std::chrono::steady_clock::time_point control_used_;
  std::mutex mutex_;
  std::condition_variable_any wake_;
  Work work_;
  std::jthread thread_;  // last: starts when all else is there, ends first
};

}  // namespace weir::postgres
