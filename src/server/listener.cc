#include "server/listener.h"

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>
#include <system_error>

#include <arpa/inet.h>
#include <netdb.h>
#include <sys/socket.h>

namespace weir::server {
namespace {

struct HostPort {
  std::string host;
  std::string port;
};

using Addresses = std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)>;

std::unexpected<Error> bad_address(std::string_view listen, std::string_view why) {
  return fail(ErrorCode::invalid_option,
              "listen address is not HOST:PORT: '" + std::string(listen) + "': " + std::string(why),
              "Write it like 127.0.0.1:8080 or [::1]:8080.");
}

Result<HostPort> split(std::string_view listen) {
  const size_t colon = listen.rfind(':');
  if (colon == listen.npos) return bad_address(listen, "the port is missing");
  std::string_view host = listen.substr(0, colon);
  const std::string_view port = listen.substr(colon + 1);
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != host.npos) {
    return bad_address(listen, "an IPv6 address needs brackets");
  }
  if (host.empty()) return bad_address(listen, "the host is missing");
  int number = -1;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
  if (error != std::errc{} || end != port.data() + port.size() || number < 0 || number > 65535) {
    return bad_address(listen, "the port is not a number from 0 to 65535");
  }
  return HostPort{std::string(host), std::string(port)};
}

/// IPv4 first, because that is what most clients mean by a name such as localhost.
Result<Addresses> resolve(std::string_view listen, const HostPort& target) {
  for (const int family : {AF_INET, AF_INET6}) {
    addrinfo wanted{};
    wanted.ai_family = family;
    wanted.ai_socktype = SOCK_STREAM;
    wanted.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
    addrinfo* found = nullptr;
    if (::getaddrinfo(target.host.c_str(), target.port.c_str(), &wanted, &found) == 0) {
      return Addresses(found, &::freeaddrinfo);
    }
  }
  return bad_address(listen, "the host is unknown");
}

HostPort numeric(const sockaddr* address, socklen_t size) {
  std::array<char, NI_MAXHOST> host{};
  std::array<char, NI_MAXSERV> port{};
  ::getnameinfo(address, size, host.data(), host.size(), port.data(), port.size(), NI_NUMERICHOST | NI_NUMERICSERV);
  return {host.data(), port.data()};
}

std::unexpected<Error> cannot_listen(std::string_view listen, int error) {
  return fail(ErrorCode::io_error,
              "cannot listen on " + std::string(listen) + ": " + std::generic_category().message(error),
              error == EADDRINUSE ? "Stop the program that uses the port, or choose another with --listen." : "");
}

}  // namespace

bool is_loopback(std::string_view address) {
  const std::string text(address);
  in_addr v4{};
  if (::inet_pton(AF_INET, text.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
  in6_addr v6{};
  return ::inet_pton(AF_INET6, text.c_str(), &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

Result<Listener> Listener::open(std::string_view listen) {
  const HostPort target = WEIR_TRY(split(listen));
  const Addresses addresses = WEIR_TRY(resolve(listen, target));
  Descriptor descriptor(::socket(addresses->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!descriptor) return cannot_listen(listen, errno);
  const int on = 1;
  // A restart must not wait for the old server's connections to time out.
  ::setsockopt(descriptor.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(descriptor.get(), addresses->ai_addr, addresses->ai_addrlen) != 0 ||
      ::listen(descriptor.get(), SOMAXCONN) != 0) {
    return cannot_listen(listen, errno);
  }
  sockaddr_storage bound{};
  socklen_t size = sizeof bound;
  ::getsockname(descriptor.get(), reinterpret_cast<sockaddr*>(&bound), &size);
  const HostPort real = numeric(reinterpret_cast<sockaddr*>(&bound), size);
  return Listener(std::move(descriptor), real.host, std::stoi(real.port));
}

std::optional<Socket> Listener::accept(bool& exhausted) const {
  sockaddr_storage peer{};
  socklen_t size = sizeof peer;
  Descriptor client(::accept4(descriptor_.get(), reinterpret_cast<sockaddr*>(&peer), &size, SOCK_CLOEXEC));
  exhausted = !client && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM);
  if (!client) return std::nullopt;
  return Socket(std::move(client), numeric(reinterpret_cast<sockaddr*>(&peer), size).host);
}

std::string Listener::text() const {
  const bool v6 = host_.find(':') != host_.npos;
  return (v6 ? "[" + host_ + "]" : host_) + ":" + std::to_string(port_);
}

}  // namespace weir::server
