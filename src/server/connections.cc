#include "server/connections.h"

#include <exception>
#include <system_error>
#include <typeinfo>

#include <fmt/format.h>

#include "telemetry/log.h"

namespace weir::server {
namespace {

/// How many clients at a time may be told that the server is full.
constexpr int kRefusingMax = 16;

Fault too_many_connections(int connections_max) {
  return {503,
          {ErrorCode::too_many_requests,
           fmt::format("all {} connections of the server are in use", connections_max),
           {},
           {}}};
}

}  // namespace

Connections::Connections(int connections_max, const ConnectionLimits& limits, Service& service,
                         DisconnectWatcher& watcher, telemetry::Metrics& metrics, std::function<void()> ended)
    : connections_max_(connections_max),
      limits_(limits),
      service_(service),
      watcher_(watcher),
      metrics_(metrics),
      ended_(std::move(ended)) {}

Connections::~Connections() { close(Clock::now()); }

void Connections::accept(Socket socket) {
  int serving = 0;
  int refusing = 0;
  {
    const std::lock_guard lock(mutex_);
    serving = serving_;
    refusing = refusing_;
  }
  if (serving < connections_max_) {
    start(std::move(socket), false);
  } else if (refusing < kRefusingMax) {
    start(std::move(socket), true);
  }
}

void Connections::start(Socket socket, bool refusing) {
  const std::lock_guard lock(mutex_);
  open_.push_back({std::make_unique<Connection>(std::move(socket), service_, watcher_, limits_), {}, refusing});
  const auto entry = std::prev(open_.end());
  try {
    // The new thread cannot pass `end` before this lock is released, so `thread` is set by then.
    entry->thread = std::thread([this, entry] { run(entry); });
  } catch (const std::system_error&) {
    telemetry::log(telemetry::Level::warning, "connection_dropped", {{"reason", "no thread could be started"}});
    open_.erase(entry);
    return;
  }
  ++(refusing ? refusing_ : serving_);
  metrics_.http_connections(serving_);
}

void Connections::run(Entries::iterator entry) {
  try {
    if (entry->refusing) {
      entry->connection->refuse(too_many_connections(connections_max_));
    } else {
      entry->connection->serve();
    }
  } catch (const std::exception& defect) {
    // The text of a foreign exception may hold anything, so only its kind is told.
    telemetry::log(telemetry::Level::error, "connection_failed", {{"exception", typeid(defect).name()}});
    entry->connection->abort();
  }
  end(entry);
}

void Connections::end(Entries::iterator entry) {
  {
    const std::lock_guard lock(mutex_);
    --(entry->refusing ? refusing_ : serving_);
    metrics_.http_connections(serving_);
    entry->connection.reset();
    finished_.splice(finished_.end(), open_, entry);
    changed_.notify_all();
  }
  ended_();
}

void Connections::reap() {
  Entries finished;
  {
    const std::lock_guard lock(mutex_);
    finished.swap(finished_);
  }
  for (Entry& entry : finished) entry.thread.join();
}

void Connections::close(Clock::time_point deadline) {
  std::unique_lock lock(mutex_);
  for (const Entry& entry : open_) entry.connection->end_after_answer();
  if (!changed_.wait_until(lock, deadline, [&] { return open_.empty(); })) {
    for (const Entry& entry : open_) entry.connection->abort();
    changed_.wait(lock, [&] { return open_.empty(); });
  }
  lock.unlock();
  reap();
}

}  // namespace weir::server
