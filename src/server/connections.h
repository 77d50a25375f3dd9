/// All open connections: a thread each, and a limit on their number.
#pragma once

#include <condition_variable>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <thread>

#include "server/connection.h"
#include "telemetry/metrics.h"

namespace weir::server {

/// `accept` and `reap` belong to one thread, the accepting one.
class Connections {
 public:
  /// `ended` is called from a connection's thread when there is something to reap.
  Connections(int connections_max, const ConnectionLimits& limits, Service& service, DisconnectWatcher& watcher,
              telemetry::Metrics& metrics, std::function<void()> ended);
  /// Aborts what is left and joins all threads.
  ~Connections();

  /// Serves the client; beyond the limit it is told to come back later, and far beyond it is dropped without a word.
  void accept(Socket socket);
  /// Joins the threads of connections that have ended.
  void reap();

  /// Lets running answers end until `deadline`, then aborts what is left. Nothing may be accepted any more.
  void close(Clock::time_point deadline);

 private:
  struct Entry {
    std::unique_ptr<Connection> connection;
    std::thread thread;
    bool refusing = false;
  };
  using Entries = std::list<Entry>;

  void start(Socket socket, bool refusing);
  void run(Entries::iterator entry);
  void end(Entries::iterator entry);

  const int connections_max_;
  const ConnectionLimits limits_;
  Service& service_;
  DisconnectWatcher& watcher_;
  telemetry::Metrics& metrics_;
  const std::function<void()> ended_;

  std::mutex mutex_;
  std::condition_variable changed_;
  Entries open_;
  Entries finished_;  ///< their threads wait to be joined
  int serving_ = 0;
  int refusing_ = 0;
};

}  // namespace weir::server
