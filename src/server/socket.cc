#include "server/socket.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <vector>

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>

namespace weir::server {
namespace {

void set_option(int descriptor, int level, int name, int value) {
  ::setsockopt(descriptor, level, name, &value, sizeof value);
}

/// A machine that vanished without a word is noticed after about 90 s, also while a query runs.
void notice_dead_peers(int descriptor) {
  set_option(descriptor, SOL_SOCKET, SO_KEEPALIVE, 1);
  set_option(descriptor, IPPROTO_TCP, TCP_KEEPIDLE, 60);
  set_option(descriptor, IPPROTO_TCP, TCP_KEEPINTVL, 10);
  set_option(descriptor, IPPROTO_TCP, TCP_KEEPCNT, 3);
}

int milliseconds_until(Clock::time_point deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
  return static_cast<int>(std::clamp<int64_t>(left, 0, 3'600'000));
}

}  // namespace

bool wait_for(int descriptor, short events, Clock::time_point deadline) {
  while (true) {
    pollfd waiting{descriptor, events, 0};
    const int ready = ::poll(&waiting, 1, milliseconds_until(deadline));
    if (ready > 0) return true;
    if (Clock::now() >= deadline) return false;
  }
}

Socket::Socket(Descriptor descriptor, std::string peer) : descriptor_(std::move(descriptor)), peer_(std::move(peer)) {
  ::fcntl(descriptor_.get(), F_SETFL, ::fcntl(descriptor_.get(), F_GETFL) | O_NONBLOCK);
  set_option(descriptor_.get(), IPPROTO_TCP, TCP_NODELAY, 1);
  notice_dead_peers(descriptor_.get());
}

Socket::Read Socket::read(std::string& out, size_t bytes_max, Clock::time_point deadline) const {
  std::array<char, 16384> buffer;
  while (true) {
    const ssize_t got = ::recv(descriptor_.get(), buffer.data(), std::min(bytes_max, buffer.size()), 0);
    if (got > 0) {
      out.append(buffer.data(), static_cast<size_t>(got));
      return Read::data;
    }
    if (got == 0) return Read::closed;
    if (errno == EINTR) continue;
    if (errno != EAGAIN && errno != EWOULDBLOCK) return Read::closed;
    if (!wait_for(descriptor_.get(), POLLIN, deadline)) return Read::timeout;
  }
}

bool Socket::send(std::span<const std::string_view> parts, std::chrono::milliseconds patience) const {
  std::vector<std::string_view> all(parts.begin(), parts.end());
  std::span<std::string_view> left(all);
  while (!left.empty()) {
    if (send_some(left)) continue;
    if (errno != EAGAIN && errno != EWOULDBLOCK) return false;
    if (!wait_for(descriptor_.get(), POLLOUT, Clock::now() + patience)) return false;
  }
  return true;
}

/// Sends what the socket takes at once and cuts it off `left`. False, with errno: nothing was taken.
bool Socket::send_some(std::span<std::string_view>& left) const {
  std::array<iovec, 8> pieces;
  const size_t count = std::min(left.size(), pieces.size());
  for (size_t i = 0; i < count; ++i) pieces[i] = {const_cast<char*>(left[i].data()), left[i].size()};
  msghdr message{};
  message.msg_iov = pieces.data();
  message.msg_iovlen = count;
  ssize_t taken = 0;
  do {
    taken = ::sendmsg(descriptor_.get(), &message, MSG_NOSIGNAL);
  } while (taken < 0 && errno == EINTR);
  if (taken < 0) return false;
  auto rest = static_cast<size_t>(taken);
  while (!left.empty() && rest >= left.front().size()) {
    rest -= left.front().size();
    left = left.subspan(1);
  }
  if (!left.empty()) left.front().remove_prefix(rest);
  return true;
}

void Socket::shutdown_reading() const { ::shutdown(descriptor_.get(), SHUT_RD); }
void Socket::shutdown_writing() const { ::shutdown(descriptor_.get(), SHUT_WR); }
void Socket::shutdown_both() const { ::shutdown(descriptor_.get(), SHUT_RDWR); }

}  // namespace weir::server
