/// Notices clients that go away while their request is being worked on.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <thread>

#include "base/descriptor.h"
#include "server/http.h"
#include "server/wakeup.h"

namespace weir::server {

/// One thread that waits on the sockets of all running requests. Bytes that a client sends ahead do not count as going
/// away; closing its sending side does, because that cannot be told from closing the connection. Thread-safe.
class DisconnectWatcher {
 public:
  /// Errors: io_error.
  static Result<std::unique_ptr<DisconnectWatcher>> open();
  ~DisconnectWatcher();

  /// Calls `gone` once, from the watcher's thread, when the other side of `socket` has closed. `gone` must return
  /// quickly; `socket` must stay open as long as the watch, and have one watch only.
  std::unique_ptr<Watch> watch(int socket, std::function<void()> gone);

 private:
  struct Watched;
  class Registration;
  DisconnectWatcher(Descriptor epoll, Wakeup stop);
  void run();
  void fire(uint64_t id);
  void forget(uint64_t id, int socket, Watched& watched);

  Descriptor epoll_;
  Wakeup stop_;
  std::mutex mutex_;
  uint64_t id_last_ = 0;
  std::map<uint64_t, std::shared_ptr<Watched>> watched_;
  std::thread thread_;
};

}  // namespace weir::server
