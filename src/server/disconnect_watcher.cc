#include "server/disconnect_watcher.h"

#include <array>
#include <span>

#include <sys/epoll.h>

#include "telemetry/log.h"

namespace weir::server {
namespace {

constexpr uint64_t kStopId = 0;

}  // namespace

/// A lock of its own lets a slow callback delay only the watch that it belongs to.
struct DisconnectWatcher::Watched {
  std::mutex mutex;
  std::function<void()> gone;  ///< empty: was called, or is no longer wanted
};

class DisconnectWatcher::Registration final : public Watch {
 public:
  Registration(DisconnectWatcher& watcher, uint64_t id, int socket, std::shared_ptr<Watched> watched)
      : watcher_(watcher), id_(id), socket_(socket), watched_(std::move(watched)) {}
  ~Registration() override { watcher_.forget(id_, socket_, *watched_); }

 private:
  DisconnectWatcher& watcher_;
  uint64_t id_;
  int socket_;
  std::shared_ptr<Watched> watched_;
};

Result<std::unique_ptr<DisconnectWatcher>> DisconnectWatcher::open() {
  Descriptor epoll(::epoll_create1(EPOLL_CLOEXEC));
  Wakeup stop;
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = kStopId;
  if (!epoll || !stop || ::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, stop.descriptor(), &event) != 0) {
    return fail(ErrorCode::io_error, "cannot watch connections: no file descriptor left",
                "Raise the limit (ulimit -n).");
  }
  return std::unique_ptr<DisconnectWatcher>(new DisconnectWatcher(std::move(epoll), std::move(stop)));
}

DisconnectWatcher::DisconnectWatcher(Descriptor epoll, Wakeup stop)
    : epoll_(std::move(epoll)), stop_(std::move(stop)), thread_([this] { run(); }) {}

DisconnectWatcher::~DisconnectWatcher() {
  stop_.notify();
  thread_.join();
}

std::unique_ptr<Watch> DisconnectWatcher::watch(int socket, std::function<void()> gone) {
  auto watched = std::make_shared<Watched>();
  watched->gone = std::move(gone);
  const std::lock_guard lock(mutex_);
  const uint64_t id = ++id_last_;
  watched_.emplace(id, watched);
  epoll_event event{};
  event.events = EPOLLRDHUP | EPOLLONESHOT;  // EPOLLHUP and EPOLLERR come unasked
  event.data.u64 = id;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, socket, &event) != 0) {
    telemetry::log(telemetry::Level::warning, "connection_not_watched", {{"reason", "the kernel's limit of watches"}});
  }
  return std::make_unique<Registration>(*this, id, socket, std::move(watched));
}

void DisconnectWatcher::forget(uint64_t id, int socket, Watched& watched) {
  {
    const std::lock_guard lock(mutex_);
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, socket, nullptr);
    watched_.erase(id);
  }
  const std::lock_guard lock(watched.mutex);  // waits for a callback that is running
  watched.gone = nullptr;
}

void DisconnectWatcher::run() {
  std::array<epoll_event, 64> events;
  while (true) {
    const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), -1);
    for (const epoll_event& event : std::span(events.data(), count < 0 ? 0 : static_cast<size_t>(count))) {
      if (event.data.u64 == kStopId) return;
      fire(event.data.u64);
    }
  }
}

void DisconnectWatcher::fire(uint64_t id) {
  std::shared_ptr<Watched> watched;
  {
    const std::lock_guard lock(mutex_);
    const auto found = watched_.find(id);
    if (found == watched_.end()) return;
    watched = found->second;
  }
  const std::lock_guard lock(watched->mutex);
  if (const auto gone = std::exchange(watched->gone, nullptr)) gone();
}

}  // namespace weir::server
