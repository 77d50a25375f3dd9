/// signalfd and a thread that reads it.
#include "cli/signals.h"

#include <csignal>
#include <cstdint>

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

namespace weir::cli {
namespace {

sigset_t watched() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  return set;
}

/// What the signal does to a process that does not watch it.
void end_by(int signal) {
  std::signal(signal, SIG_DFL);
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, signal);
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
  raise(signal);
}

}  // namespace

Signals::Signals() {
  const sigset_t set = watched();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  // Writes to a closed pipe or socket answer EPIPE instead.
  std::signal(SIGPIPE, SIG_IGN);
  signal_fd_ = signalfd(-1, &set, SFD_CLOEXEC);
  stop_fd_ = eventfd(0, EFD_CLOEXEC);
  thread_ = std::thread([this] { wait_for_signals(); });
}

Signals::~Signals() {
  const uint64_t one = 1;
  if (write(stop_fd_, &one, sizeof one) != sizeof one) std::abort();  // an eventfd takes its first count always
  thread_.join();
  close(signal_fd_);
  close(stop_fd_);
}

Signals::Action Signals::exchange(Action action) {
  const std::lock_guard lock(mutex_);
  return std::exchange(action_, std::move(action));
}

void Signals::wait_for_signals() {
  pollfd fds[] = {{signal_fd_, POLLIN, 0}, {stop_fd_, POLLIN, 0}};
  while (true) {
    if (poll(fds, 2, -1) < 0) continue;
    if ((fds[1].revents & POLLIN) != 0) return;
    signalfd_siginfo info{};
    if (read(signal_fd_, &info, sizeof info) != sizeof info) continue;
    const std::lock_guard lock(mutex_);
    const auto signal = static_cast<int>(info.ssi_signo);
    if (!action_ || !action_(signal)) end_by(signal);
  }
}

}  // namespace weir::cli
