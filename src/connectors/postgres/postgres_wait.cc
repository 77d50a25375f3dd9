#include "connectors/postgres/postgres_wait.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>
#include <utility>

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace weir::postgres {
namespace {

using std::chrono::nanoseconds;
using std::chrono::steady_clock;

// Without an eventfd (the process has no descriptors left) a stop is noticed in such steps.
constexpr auto kStepWithoutWakeUp = std::chrono::milliseconds(50);

timespec to_timespec(nanoseconds duration) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(duration);
  return {.tv_sec = seconds.count(), .tv_nsec = (duration - seconds).count()};
}

}  // namespace

Waiter::Waiter(std::stop_token stop) : stop_(std::move(stop)) {
  if (!stop_.stop_possible()) return;
  wake_up_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (wake_up_ >= 0) on_stop_.emplace(stop_, [fd = wake_up_] { eventfd_write(fd, 1); });
}

Waiter::~Waiter() {
  on_stop_.reset();
  if (wake_up_ >= 0) close(wake_up_);
}

Waiter::Outcome Waiter::wait(int socket, short events, Deadline deadline) {
  std::array<pollfd, 2> watched{pollfd{socket, events, 0}, pollfd{wake_up_, POLLIN, 0}};
  while (!stopped()) {
    const bool stepping = wake_up_ < 0 && stop_.stop_possible();
    nanoseconds left = deadline == kNoDeadline ? nanoseconds::max() : nanoseconds(deadline - steady_clock::now());
    if (stepping) left = std::min<nanoseconds>(left, kStepWithoutWakeUp);
    const timespec timeout = to_timespec(std::max(left, nanoseconds(0)));
    const int count = ppoll(watched.data(), watched.size(), left == nanoseconds::max() ? nullptr : &timeout, nullptr);
    if (stopped()) break;
    if (watched[0].revents != 0) return Outcome::ready;
    if (count < 0 && errno != EINTR) return Outcome::ready;
    if (deadline != kNoDeadline && steady_clock::now() >= deadline) return Outcome::timed_out;
  }
  return Outcome::stopped;
}

Waiter::Outcome Waiter::pause(std::chrono::microseconds duration) {
  return wait(-1, 0, steady_clock::now() + duration);
}

}  // namespace weir::postgres
