#include "server/connection.h"

#include <array>

#include <fmt/format.h>

namespace weir::server {
namespace {

constexpr size_t kReadBytes = 16384;
/// How long a client may take to notice an answer that came before it had sent its whole request.
constexpr std::chrono::milliseconds kLinger{1000};

}  // namespace

void Connection::serve() {
  Next next = Next::again;
  while (next == Next::again) next = serve_one();
  if (next == Next::linger) linger();
  socket_.shutdown_both();
}

void Connection::refuse(const Fault& fault) {
  answer_fault(fault);
  linger();
  socket_.shutdown_both();
}

void Connection::end_after_answer() {
  ending_ = true;
  if (reading_) socket_.shutdown_reading();
}

std::unique_ptr<Watch> Connection::when_gone(std::function<void()> gone) {
  return watcher_.watch(socket_.descriptor(), std::move(gone));
}

Connection::Next Connection::serve_one() {
  RequestParser parser(limits_.head_bytes_max, limits_.body_bytes_max);
  head_only_ = false;
  version_ = 11;
  reading_ = true;
  // Asked after `reading_` is set: either this sees the end, or end_after_answer sees that we read.
  if (ending_) return Next::close;
  const auto head = read_head(parser);
  if (!head) return answer_fault(head.error());
  if (*head == Head::none) return Next::close;
  return answer(parser, *head);
}

/// `none`: the client closed, or stayed silent for as long as it may.
std::expected<Connection::Head, Fault> Connection::read_head(RequestParser& parser) {
  deadline_ = Clock::now() + limits_.read_timeout;
  if (pending_.empty() && socket_.read(pending_, kReadBytes, deadline_) != Socket::Read::data) return Head::none;
  deadline_ = Clock::now() + limits_.read_timeout;
  auto state = read_until_parsed(parser);
  if (!state) return std::unexpected(std::move(state.error()));
  return *state == RequestParser::State::head ? Head::with_body : Head::complete;
}

std::expected<std::string, Fault> Connection::read_body(RequestParser& parser) {
  if (parser.expects_continue() && pending_.empty()) {
    const std::array parts{kContinue};
    socket_.send(parts, limits_.write_timeout);
  }
  auto state = read_until_parsed(parser);
  if (!state) return std::unexpected(std::move(state.error()));
  return parser.take_body();
}

std::expected<RequestParser::State, Fault> Connection::read_until_parsed(RequestParser& parser) {
  while (true) {
    auto state = parser.parse(pending_);
    if (!state || *state != RequestParser::State::more) return state;
    const auto read = socket_.read(pending_, kReadBytes, deadline_);
    if (read != Socket::Read::data) return std::unexpected(incomplete(read));
  }
}

Fault Connection::incomplete(Socket::Read read) const {
  if (read == Socket::Read::closed) {
    return {400, {ErrorCode::invalid_request, "request ends before it is complete", "Send the whole request.", {}}};
  }
  return {408,
          {ErrorCode::timeout,
           fmt::format("request was not complete within {} ms", limits_.read_timeout.count()),
           "Send head and body without a pause.",
           {}}};
}

/// For a request whose head could not be read; nothing after it can be told apart.
Connection::Next Connection::answer_fault(const Fault& fault) {
  reading_ = false;
  const auto exchange = service_.begin(std::nullopt, socket_.peer());
  Response response = exchange->fault(fault);
  exchange->finished(send(response, false));
  return Next::linger;
}

Connection::Next Connection::answer(RequestParser& parser, Head head) {
  Request request = parser.take_head();
  request.peer = socket_.peer();
  head_only_ = request.method == "HEAD";
  version_ = request.version;
  const auto exchange = service_.begin(std::move(request), socket_.peer());
  bool body_unread = head == Head::with_body;
  std::optional<Response> response = exchange->refuse();
  if (!response) {
    auto body = body_unread ? read_body(parser) : std::expected<std::string, Fault>();
    body_unread = !body;
    reading_ = false;
    response = body ? exchange->answer(std::move(*body), *this) : exchange->fault(body.error());
  }
  reading_ = false;
  const bool keep_alive = parser.keep_alive() && version_ >= 11 && !body_unread && !service_.closing() && !ending_;
  const Outcome outcome = send(*response, keep_alive);
  response.reset();  // a query ends before its line in the access log is written
  exchange->finished(outcome);
  if (body_unread) return Next::linger;
  return keep_alive && outcome.delivered ? Next::again : Next::close;
}

Outcome Connection::send(Response& response, bool keep_alive) {
  if (response.stream && !head_only_) return send_stream(response, keep_alive);
  const std::string head = render_head(response, Framing::length, keep_alive);
  const std::string_view body = head_only_ ? std::string_view{} : std::string_view(response.body);
  const std::array<std::string_view, 2> parts{head, body};
  const bool sent = socket_.send(parts, limits_.write_timeout);
  return {response.status, sent ? head.size() + body.size() : 0, sent};
}

/// The head goes out with the first piece. A body that breaks off lacks its last chunk.
Outcome Connection::send_stream(Response& response, bool keep_alive) {
  const bool chunked = version_ >= 11;
  std::string start = render_head(response, chunked ? Framing::chunked : Framing::until_close, keep_alive);
  Outcome outcome{response.status, 0, false};
  std::string piece;
  auto state = BodyStream::Piece::more;
  while (state == BodyStream::Piece::more) {
    piece.clear();
    state = response.stream->next(piece);
    if (chunked && !piece.empty()) start += chunk_start(piece.size());
    const bool complete = state == BodyStream::Piece::last;
    const std::array<std::string_view, 4> parts{start, piece, chunked && !piece.empty() ? kChunkEnd : "",
                                                chunked && complete ? kLastChunk : ""};
    if (!socket_.send(parts, limits_.write_timeout)) return outcome;
    for (const std::string_view part : parts) outcome.bytes_sent += part.size();
    start.clear();
  }
  outcome.delivered = state == BodyStream::Piece::last;
  return outcome;
}

/// Closing while the client still sends would make its system throw our answer away.
void Connection::linger() {
  socket_.shutdown_writing();
  const auto deadline = Clock::now() + kLinger;
  std::string dropped;
  while (socket_.read(dropped, kReadBytes, deadline) == Socket::Read::data && Clock::now() < deadline) dropped.clear();
}

}  // namespace weir::server
