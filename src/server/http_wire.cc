#include "server/http_wire.h"

#include <array>
#include <ctime>

#include <boost/beast/core/buffers_range.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/serializer.hpp>
#include <boost/beast/http/string_body.hpp>
#include <fmt/format.h>

namespace weir::server {
namespace {

namespace http = boost::beast::http;
namespace net = boost::asio;

/// Fields whose meaning would be open if they came twice.
constexpr std::array<std::string_view, 5> kSingleFields = {"Host", "Authorization", "Content-Type", "X-Request-ID",
                                                           "Origin"};

std::unexpected<Fault> malformed(std::string_view what) {
  return std::unexpected(Fault{
      400, {ErrorCode::invalid_request, "request is not HTTP/1.1: " + std::string(what), "Use an HTTP client.", {}}});
}

std::unexpected<Fault> head_too_large(size_t bytes_max) {
  return std::unexpected(Fault{431,
                               {ErrorCode::invalid_request,
                                fmt::format("request head is larger than {} bytes", bytes_max),
                                "Send fewer or shorter header fields.",
                                {}}});
}

std::unexpected<Fault> body_too_large(uint64_t bytes_max) {
  return std::unexpected(
      Fault{413, {ErrorCode::body_too_large, fmt::format("request body is larger than {} bytes", bytes_max), {}, {}}});
}

std::string http_date() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  std::array<char, 64> text;
  return {text.data(), std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts)};
}

}  // namespace

struct RequestParser::Impl {
  size_t head_bytes_max;
  uint64_t body_bytes_max;
  http::request_parser<http::string_body> parser;
  size_t head_bytes = 0;
  bool head_told = false;

  std::expected<void, Fault> feed(std::string& bytes);
  std::expected<void, Fault> check_head() const;
};

RequestParser::RequestParser(size_t head_bytes_max, uint64_t body_bytes_max)
    : impl_(std::make_unique<Impl>(head_bytes_max, body_bytes_max)) {
  impl_->parser.header_limit(static_cast<uint32_t>(head_bytes_max));
  // The announced length is compared in check_head, because the library would call it a defect of the head.
  impl_->parser.body_limit(boost::none);
}

RequestParser::~RequestParser() = default;

/// Gives `bytes` to the library once and cuts off what it took.
std::expected<void, Fault> RequestParser::Impl::feed(std::string& bytes) {
  boost::system::error_code error;
  const size_t taken = parser.put(net::const_buffer(bytes.data(), bytes.size()), error);
  bytes.erase(0, taken);
  if (!head_told) head_bytes += taken;
  const size_t head_bytes_seen = head_bytes + (parser.is_header_done() ? 0 : bytes.size());
  if (error == http::error::header_limit || head_bytes_seen > head_bytes_max) return head_too_large(head_bytes_max);
  if (error == http::error::body_limit) return body_too_large(body_bytes_max);
  if (error && error != http::error::need_more) return malformed(error.message());
  // Only a chunk's own head can leave that much behind.
  if (error && parser.is_header_done() && bytes.size() > head_bytes_max) return malformed("chunk head is too long");
  return {};
}

std::expected<void, Fault> RequestParser::Impl::check_head() const {
  const auto& head = parser.get();
  for (const std::string_view name : kSingleFields) {
    const auto [first, last] = head.equal_range(boost::beast::string_view(name.data(), name.size()));
    if (std::distance(first, last) > 1) return malformed("field " + std::string(name) + " is given twice");
  }
  if (head.version() >= 11 && head.count(http::field::host) == 0) return malformed("field Host is missing");
  // Anything but exactly this could be read differently by a proxy in front of us.
  if (head.count(http::field::transfer_encoding) > 0 &&
      (!boost::beast::iequals(head[http::field::transfer_encoding], "chunked") || head.version() < 11)) {
    return malformed("transfer encoding is not 'chunked'");
  }
  const auto length = parser.content_length();
  if (length && *length > body_bytes_max) return body_too_large(body_bytes_max);
  return {};
}

std::expected<RequestParser::State, Fault> RequestParser::parse(std::string& bytes) {
  while (!impl_->parser.is_done()) {
    const size_t before = bytes.size();
    if (auto fed = impl_->feed(bytes); !fed) return std::unexpected(std::move(fed.error()));
    if (impl_->parser.is_header_done() && !impl_->head_told) {
      impl_->head_told = true;
      if (auto checked = impl_->check_head(); !checked) return std::unexpected(std::move(checked.error()));
      impl_->parser.body_limit(impl_->body_bytes_max);
      if (!impl_->parser.is_done()) return State::head;
    } else if (bytes.empty() || bytes.size() == before) {
      break;
    }
  }
  return impl_->parser.is_done() ? State::done : State::more;
}

Request RequestParser::take_head() {
  const auto& head = impl_->parser.get();
  Request request;
  request.method = std::string(head.method_string());
  const std::string_view target(head.target().data(), head.target().size());
  const size_t question = target.find('?');
  request.path = target.substr(0, question);
  if (question != target.npos) request.query_string = target.substr(question + 1);
  request.version = static_cast<int>(head.version());
  for (const auto& field : head) request.fields.add(std::string(field.name_string()), std::string(field.value()));
  return request;
}

bool RequestParser::expects_continue() const {
  return boost::beast::iequals(impl_->parser.get()[http::field::expect], "100-continue");
}

bool RequestParser::keep_alive() const { return impl_->parser.keep_alive(); }

std::string RequestParser::take_body() { return std::move(impl_->parser.get().body()); }

std::string render_head(const Response& response, Framing framing, bool keep_alive) {
  http::response<http::empty_body> message;
  message.version(11);
  message.result(static_cast<unsigned>(response.status));
  if (response.status == 499) message.reason("Client Closed Request");
  message.set(http::field::date, http_date());
  for (const auto& [name, value] : response.fields) message.insert(name, value);
  const bool bodyless = response.status == 204;
  if (framing == Framing::chunked) message.chunked(true);
  if (framing == Framing::length && !bodyless) message.content_length(response.body.size());
  message.set(http::field::connection, keep_alive ? "keep-alive" : "close");

  http::response_serializer<http::empty_body> serializer(message);
  serializer.split(true);
  std::string text;
  boost::system::error_code error;
  serializer.next(error, [&](boost::system::error_code&, const auto& buffers) {
    for (const auto buffer : boost::beast::buffers_range_ref(buffers)) {
      text.append(static_cast<const char*>(buffer.data()), buffer.size());
    }
  });
  return text;
}

std::string chunk_start(size_t size) { return fmt::format("{:x}\r\n", size); }

}  // namespace weir::server
