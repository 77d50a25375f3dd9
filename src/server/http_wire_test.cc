#include "server/http_wire.h"

#include <gtest/gtest.h>

namespace weir::server {
namespace {

using State = RequestParser::State;

/// What a parser makes of bytes that come all at once: the fault's status, or 0.
int status_of(std::string bytes) {
  RequestParser parser(1000, 100);
  auto state = parser.parse(bytes);
  while (state && *state == State::head) state = parser.parse(bytes);
  return state ? 0 : state.error().status;
}

TEST(RequestParser, ReadsAHead) {
  RequestParser parser(1000, 100);
  std::string bytes = "GET /a%20b?x=1&y HTTP/1.1\r\nHost: h\r\nX-One:  two \r\n\r\nNEXT";
  ASSERT_EQ(parser.parse(bytes), State::done);
  const Request request = parser.take_head();
  EXPECT_EQ(request.method, "GET");
  EXPECT_EQ(request.path, "/a%20b");
  EXPECT_EQ(request.query_string, "x=1&y");
  EXPECT_EQ(*request.fields.find("x-one"), "two");
  EXPECT_EQ(bytes, "NEXT");
  EXPECT_TRUE(parser.keep_alive());
}

TEST(RequestParser, TellsOfTheHeadBeforeTheBody) {
  RequestParser parser(1000, 100);
  std::string bytes = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n";
  ASSERT_EQ(parser.parse(bytes), State::head);
  EXPECT_TRUE(parser.expects_continue());
  EXPECT_EQ(parser.parse(bytes), State::more);
  bytes = "12";
  EXPECT_EQ(parser.parse(bytes), State::more);
  bytes = "345GET";
  EXPECT_EQ(parser.parse(bytes), State::done);
  EXPECT_EQ(parser.take_body(), "12345");
  EXPECT_EQ(bytes, "GET");
}

TEST(RequestParser, JoinsChunks) {
  RequestParser parser(1000, 100);
  std::string bytes =
      "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\nNEXT";
  ASSERT_EQ(parser.parse(bytes), State::head);
  ASSERT_EQ(parser.parse(bytes), State::done);
  EXPECT_EQ(parser.take_body(), "abcde");
  EXPECT_EQ(bytes, "NEXT");
}

TEST(RequestParser, ReadsARequestThatComesByteByByte) {
  RequestParser parser(1000, 100);
  std::string pending;
  auto state = State::more;
  for (const char byte :
       std::string("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")) {
    pending += byte;
    const auto parsed = parser.parse(pending);
    ASSERT_TRUE(parsed);
    state = *parsed;
  }
  EXPECT_EQ(state, State::done);
  EXPECT_EQ(parser.take_body(), "abc");
}

TEST(RequestParser, RefusesWhatIsMalformed) {
  for (const char* bytes : {"\x16\x03\x01\r\n\r\n", "GET / HTTP/2.0\r\nHost: h\r\n\r\n", "GET / HTTP/1.1\r\n\r\n",
                            "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "GET / HTTP/1.1\nHost: h\n\n",
                            "GET  / HTTP/1.1\r\nHost: h\r\n\r\n", "GET / HTTP/1.1\r\nHost : h\r\n\r\n",
                            "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: x\r\n\r\n",
                            "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"}) {
    EXPECT_EQ(status_of(bytes), 400) << bytes;
  }
}

TEST(RequestParser, RefusesBodiesWhoseLengthIsOpen) {
  for (const char* fields :
       {"Content-Length: 5\r\nContent-Length: 6\r\n", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "Transfer-Encoding: gzip\r\n",
        "Transfer-Encoding: gzip, chunked\r\n", "Transfer-Encoding: chunked, chunked\r\n"}) {
    EXPECT_EQ(status_of("POST / HTTP/1.1\r\nHost: h\r\n" + std::string(fields) + "\r\n"), 400) << fields;
  }
}

TEST(RequestParser, LimitsTheHead) {
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(1000, 'x') + "\r\n\r\n"), 431);
  EXPECT_EQ(status_of("GET /" + std::string(1000, 'x')), 431);
}

TEST(RequestParser, LimitsTheBody) {
  EXPECT_EQ(status_of("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 101\r\n\r\n"), 413);
  EXPECT_EQ(status_of("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n65\r\n"), 413);
  const std::string half = "33\r\n" + std::string(51, 'x') + "\r\n";
  EXPECT_EQ(status_of("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" + half + half), 413);
}

TEST(RequestParser, LimitsAChunksHead) {
  EXPECT_EQ(status_of("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1;" + std::string(2000, 'x')),
            400);
}

TEST(RenderHead, TellsTheLength) {
  Response response;
  response.status = 404;
  response.body = "12345";
  response.fields.add("X-One", "two");
  const std::string head = render_head(response, Framing::length, true);
  EXPECT_TRUE(head.starts_with("HTTP/1.1 404 Not Found\r\n")) << head;
  EXPECT_NE(head.find("\r\nX-One: two\r\n"), std::string::npos) << head;
  EXPECT_NE(head.find("\r\nContent-Length: 5\r\n"), std::string::npos) << head;
  EXPECT_NE(head.find("\r\nConnection: keep-alive\r\n"), std::string::npos) << head;
  EXPECT_NE(head.find(" GMT\r\n"), std::string::npos) << head;
  EXPECT_TRUE(head.ends_with("\r\n\r\n")) << head;
}

TEST(RenderHead, TellsOfChunks) {
  const std::string head = render_head(Response{}, Framing::chunked, false);
  EXPECT_NE(head.find("\r\nTransfer-Encoding: chunked\r\n"), std::string::npos) << head;
  EXPECT_NE(head.find("\r\nConnection: close\r\n"), std::string::npos) << head;
}

TEST(RenderHead, KnowsTheStatusOfACancelledQuery) {
  Response response;
  response.status = 499;
  EXPECT_TRUE(render_head(response, Framing::length, true).starts_with("HTTP/1.1 499 Client Closed Request\r\n"));
}

TEST(ChunkStart, IsHexadecimal) { EXPECT_EQ(chunk_start(255), "ff\r\n"); }

}  // namespace
}  // namespace weir::server
