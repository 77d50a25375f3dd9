/// For tests: a TCP relay in front of a server that can stop relaying, as a hung server or a dead network does.
#pragma once

#include <array>
#include <atomic>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace weir::postgres {

/// A socket that listens on a free port of the loopback interface.
class Listener {
 public:
  Listener() : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    EXPECT_EQ(bind(socket_, reinterpret_cast<sockaddr*>(&address), length), 0);
    EXPECT_EQ(listen(socket_, 64), 0);
    EXPECT_EQ(getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &length), 0);
    port_ = ntohs(address.sin_port);
  }
  ~Listener() { close(socket_); }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  int socket() const { return socket_; }
  std::string port() const { return std::to_string(port_); }

 private:
  int socket_;
  uint16_t port_ = 0;
};

class FreezableProxy {
 public:
  explicit FreezableProxy(std::string server_port)
      : server_port_(std::move(server_port)), thread_([this](const std::stop_token& stop) { run(stop); }) {}
  ~FreezableProxy() {
    thread_ = std::jthread();
    for (const auto& [client, server] : pairs_) {
      close(client);
      close(server);
    }
  }

  std::string port() const { return listener_.port(); }
  /// From now on nothing passes, but connections stay open.
  void freeze() { frozen_ = true; }

 private:
  void run(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      std::vector<pollfd> watched{{listener_.socket(), POLLIN, 0}};
      for (const auto& [client, server] : pairs_) {
        watched.push_back({client, POLLIN, 0});
        watched.push_back({server, POLLIN, 0});
      }
      if (poll(watched.data(), watched.size(), 10) <= 0 || frozen_) continue;
      for (size_t i = 1; i < watched.size(); i++) {
        if (watched[i].revents != 0) relay(watched[i].fd, watched[i % 2 == 1 ? i + 1 : i - 1].fd);
      }
      if (watched[0].revents != 0) accept_one();
    }
  }

  static void relay(int from, int to) {
    std::array<char, 65536> buffer{};
    const ssize_t got = recv(from, buffer.data(), buffer.size(), 0);
    if (got <= 0) {
      shutdown(to, SHUT_RDWR);
      shutdown(from, SHUT_RDWR);
      return;
    }
    ssize_t sent = 0;
    while (sent < got) {
      const ssize_t more = send(to, buffer.data() + sent, static_cast<size_t>(got - sent), MSG_NOSIGNAL);
      if (more <= 0) return;
      sent += more;
    }
  }

  void accept_one() {
    const int client = accept(listener_.socket(), nullptr, nullptr);
    addrinfo hints{}, *found = nullptr;
    hints.ai_family = AF_INET;
    hints.ai_socktype = SOCK_STREAM;
    if (getaddrinfo("127.0.0.1", server_port_.c_str(), &hints, &found) != 0) return;
    const int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT_EQ(connect(server, found->ai_addr, found->ai_addrlen), 0);
    freeaddrinfo(found);
    pairs_.emplace_back(client, server);
  }

  const std::string server_port_;
  Listener listener_;
  std::atomic<bool> frozen_ = false;
  std::vector<std::pair<int, int>> pairs_;
  std::jthread thread_;
};

}  // namespace weir::postgres
