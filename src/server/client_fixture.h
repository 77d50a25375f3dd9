/// For tests: a client that sends bytes as they are and reads answers strictly.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <nlohmann/json.hpp>
#include <sys/socket.h>

#include "base/descriptor.h"

namespace weir::server::testing {

struct Answer {
  int status = 0;
  std::map<std::string, std::string> fields;  ///< names in small letters
  std::string body;
  bool complete = false;  ///< the body ended as its framing says

  nlohmann::json json() const { return nlohmann::json::parse(body); }
  std::string error_code() const { return json().at("error").at("code"); }
};

/// One connection. Reading fails after 20 s without bytes.
class RawClient {
 public:
  /// `address` is "127.0.0.1:PORT". `receive_bytes` bounds the kernel's buffer.
  explicit RawClient(const std::string& address, int receive_bytes = 0) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    const timeval patience{20, 0};
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (receive_bytes > 0) ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof receive_bytes);
    sockaddr_in target{};
    target.sin_family = AF_INET;
    target.sin_port = htons(static_cast<uint16_t>(std::stoi(address.substr(address.rfind(':') + 1))));
    target.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(socket_.get(), reinterpret_cast<sockaddr*>(&target), sizeof target) == 0;
  }

  bool connected() const { return connected_; }
  /// False when the server has closed.
  bool send(std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<size_t>(sent));
    }
    return true;
  }
  /// A whole request; Host and Content-Length are added.
  bool request(const std::string& method, const std::string& target, const std::string& body = "",
               const std::string& fields = "") const {
    std::string text = method + " " + target + " HTTP/1.1\r\nHost: localhost\r\n" + fields;
    if (!body.empty()) text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
    return send(text + "\r\n" + body);
  }
  bool query(const std::string& sql, const std::string& fields = "") const {
    return request("POST", "/v1/query", sql, "Content-Type: application/sql\r\n" + fields);
  }

  /// Reads one answer; `status` 0: the server closed before a head.
  Answer answer(bool head_only = false) {
    Answer answer;
    const auto head = take_until("\r\n\r\n");
    if (!head) return answer;
    parse_head(*head, answer);
    if (head_only || answer.status == 204) {
      answer.complete = true;
    } else if (answer.fields.contains("content-length")) {
      const auto body = take(std::stoul(answer.fields["content-length"]));
      answer.complete = body.has_value();
      answer.body = body.value_or("");
    } else if (answer.fields["transfer-encoding"] == "chunked") {
      answer.complete = read_chunks(answer.body);
    } else {
      while (receive()) {
      }
      answer.body = std::exchange(buffer_, {});
      answer.complete = true;
    }
    return answer;
  }
  /// Sends a request and reads its answer.
  Answer ask(const std::string& method, const std::string& target, const std::string& body = "",
             const std::string& fields = "") {
    request(method, target, body, fields);
    return answer(method == "HEAD");
  }

  /// The head alone, and what of the body came with it stays unread.
  std::string head() { return take_until("\r\n\r\n").value_or(""); }
  /// Whether the server ends the connection, whatever it still sends.
  bool closed_by_server() {
    while (receive()) {
    }
    return errno != EAGAIN && errno != EWOULDBLOCK;
  }
  void close() { socket_ = Descriptor(); }
  void reset() {
    const linger none{1, 0};
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_LINGER, &none, sizeof none);
    close();
  }

 private:
  bool receive() {
    char bytes[65536];
    errno = 0;
    const ssize_t got = ::recv(socket_.get(), bytes, sizeof bytes, 0);
    if (got > 0) buffer_.append(bytes, static_cast<size_t>(got));
    return got > 0;
  }
  std::optional<std::string> take(size_t size) {
    while (buffer_.size() < size) {
      if (!receive()) return std::nullopt;
    }
    std::string taken = buffer_.substr(0, size);
    buffer_.erase(0, size);
    return taken;
  }
  std::optional<std::string> take_until(std::string_view mark) {
    while (buffer_.find(mark) == std::string::npos) {
      if (!receive()) return std::nullopt;
    }
    return take(buffer_.find(mark) + mark.size());
  }
  bool read_chunks(std::string& body) {
    while (true) {
      const auto size_line = take_until("\r\n");
      if (!size_line) return false;
      const size_t size = std::stoul(*size_line, nullptr, 16);
      const auto chunk = take(size + 2);
      if (!chunk) return false;
      body += chunk->substr(0, size);
      if (size == 0) return true;
    }
  }
  static void parse_head(const std::string& head, Answer& answer) {
    answer.status = std::stoi(head.substr(9, 3));
    size_t line = head.find("\r\n") + 2;
    while (head.compare(line, 2, "\r\n") != 0) {
      const size_t colon = head.find(": ", line);
      const size_t end = head.find("\r\n", line);
      std::string name = head.substr(line, colon - line);
      for (char& c : name) c = static_cast<char>(std::tolower(c));
      answer.fields[name] = head.substr(colon + 2, end - colon - 2);
      line = end + 2;
    }
  }

  Descriptor socket_;
  bool connected_ = false;
  std::string buffer_;
};

}  // namespace weir::server::testing
