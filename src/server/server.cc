#include "server/server.h"

#include <array>
#include <atomic>
#include <thread>

#include <poll.h>

#include "server/api.h"
#include "server/connections.h"
#include "server/listener.h"
#include "server/routes.h"
#include "telemetry/log.h"

namespace weir::server {
namespace {

/// After draining, answers that are still being sent get at least this long.
constexpr std::chrono::milliseconds kLastBytes{1000};
/// How long accepting rests when the process has no file descriptor left.
constexpr std::chrono::milliseconds kExhaustedPause{100};

Result<Doors> open_doors(const ServerOptions& options, const Listener& listener) {
  Doors doors{std::nullopt, listener.loopback()};
  if (!options.token_file.empty()) doors.tokens = WEIR_TRY(Tokens::read(options.token_file));
  if (!doors.tokens && !doors.loopback) {
    return fail(ErrorCode::invalid_option,
                "a server without tokens may listen on a loopback address only: " + listener.text(),
                "Give it a token file (--token-file), or listen on 127.0.0.1.");
  }
  return doors;
}

class ServerImpl final : public Server {
 public:
  ServerImpl(const ServerOptions& options, Listener listener, Doors doors, std::unique_ptr<DisconnectWatcher> watcher,
             connector::Fleet& fleet, engine::Engine& engine, telemetry::Metrics& metrics);

  std::string address() const override { return listener_.text(); }
  void run() override;
  void stop() override {
    stopping_ = true;
    wakeup_.notify();
  }

 private:
  void serve_until(const std::atomic<bool>& ended);
  void accept_waiting();
  void drain();
  Router routes(connector::Fleet& fleet);

  const ServerOptions options_;
  Listener listener_;
  engine::Engine& engine_;
  telemetry::Metrics& metrics_;
  Wakeup wakeup_;
  std::atomic<bool> stopping_{false};  ///< stop was called
  std::atomic<bool> draining_{false};
  std::atomic<bool> drained_{false};
  std::unique_ptr<DisconnectWatcher> watcher_;
  Api api_;
  Connections connections_;
};

ServerImpl::ServerImpl(const ServerOptions& options, Listener listener, Doors doors,
                       std::unique_ptr<DisconnectWatcher> watcher, connector::Fleet& fleet, engine::Engine& engine,
                       telemetry::Metrics& metrics)
    : options_(options),
      listener_(std::move(listener)),
      engine_(engine),
      metrics_(metrics),
      watcher_(std::move(watcher)),
      api_(std::move(doors), routes(fleet), metrics, draining_),
      connections_(options.connections_max,
                   {.body_bytes_max = options.body_bytes_max,
                    .read_timeout = options.read_timeout,
                    .write_timeout = options.write_timeout},
                   api_, *watcher_, metrics, [this] { wakeup_.notify(); }) {}

Router ServerImpl::routes(connector::Fleet& fleet) {
  Router router;
  add_health_routes(router, metrics_, engine_, fleet, draining_);
  add_query_routes(router, engine_);
  add_catalog_routes(router, engine_);
  add_connector_routes(router, fleet);
  add_later_routes(router);
  return router;
}

void ServerImpl::run() {
  telemetry::log(telemetry::Level::info, "server_started", {{"address", address()}});
  serve_until(stopping_);
  drain();
  telemetry::log(telemetry::Level::info, "server_stopped", {{"address", address()}});
}

/// Goes on accepting while queries end, so that probes and clients hear why there is no service instead of silence.
void ServerImpl::drain() {
  telemetry::log(telemetry::Level::info, "server_draining",
                 {{"limit_ms", std::to_string(options_.drain_limit.count())}});
  const auto limit = Clock::now() + options_.drain_limit;
  draining_ = true;
  std::thread drainer([this] {
    engine_.drain(options_.drain_limit);
    drained_ = true;
    wakeup_.notify();
  });
  serve_until(drained_);
  drainer.join();
  connections_.close(std::max(limit, Clock::now() + kLastBytes));
}

void ServerImpl::serve_until(const std::atomic<bool>& ended) {
  std::array<pollfd, 2> waiting{{{wakeup_.descriptor(), POLLIN, 0}, {listener_.descriptor(), POLLIN, 0}}};
  while (!ended) {
    for (pollfd& each : waiting) each.revents = 0;
    ::poll(waiting.data(), waiting.size(), -1);
    wakeup_.clear();
    connections_.reap();
    if (waiting[1].revents != 0) accept_waiting();
  }
}

void ServerImpl::accept_waiting() {
  bool exhausted = false;
  while (auto socket = listener_.accept(exhausted)) connections_.accept(std::move(*socket));
  if (!exhausted) return;
  telemetry::log(telemetry::Level::warning, "accept_paused", {{"reason", "no file descriptor left"}});
  wait_for(wakeup_.descriptor(), POLLIN, Clock::now() + kExhaustedPause);
}

}  // namespace

Result<std::unique_ptr<Server>> Server::open(const ServerOptions& options, connector::Fleet& fleet,
                                             engine::Engine& engine, telemetry::Metrics& metrics) {
  Listener listener = WEIR_TRY(Listener::open(options.listen));
  Doors doors = WEIR_TRY(open_doors(options, listener));
  auto watcher = WEIR_TRY(DisconnectWatcher::open());
  return std::make_unique<ServerImpl>(options, std::move(listener), std::move(doors), std::move(watcher), fleet, engine,
                                      metrics);
}

}  // namespace weir::server
