/// Connections: keep-alive, pipelining, limits, malformed requests.
#include "server/server.h"

#include "server/server_fixture.h"

namespace weir::server {
namespace {

using testing::Answer;
using testing::eventually;
using testing::RawClient;
using testing::ServerTest;

TEST_F(ServerTest, AnswersHealth) {
  start();
  const Answer answer = ask("GET", "/health");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.json().at("status"), "ok");
  EXPECT_EQ(answer.json().at("version"), WEIR_VERSION);
}

TEST_F(ServerTest, KeepsTheConnectionForFurtherRequests) {
  start();
  RawClient one = client();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(one.ask("GET", "/health").fields["connection"], "keep-alive");
}

TEST_F(ServerTest, ClosesWhenTheClientAsksForIt) {
  start();
  RawClient one = client();
  EXPECT_EQ(one.ask("GET", "/health", "", "Connection: close\r\n").fields["connection"], "close");
  EXPECT_TRUE(one.closed_by_server());
}

TEST_F(ServerTest, ClosesAfterAnAnswerToHttp10) {
  start();
  RawClient one = client();
  one.send("GET /health HTTP/1.0\r\n\r\n");
  EXPECT_EQ(one.answer().status, 200);
  EXPECT_TRUE(one.closed_by_server());
}

TEST_F(ServerTest, AnswersPipelinedRequestsInOrder) {
  start();
  engine.script("select 1", {});
  RawClient one = client();
  one.send(
      "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
      "POST /v1/query HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/sql\r\nContent-Length: 8\r\n\r\nselect 1"
      "GET /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_EQ(one.answer().json().at("status"), "ok");
  EXPECT_EQ(one.answer().json().at("row_count"), 2);
  EXPECT_EQ(one.answer().error_code(), "route_not_found");
}

TEST_F(ServerTest, TakesARequestByteByByte) {
  start();
  RawClient one = client();
  for (const char byte : std::string("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")) one.send({&byte, 1});
  EXPECT_EQ(one.answer().status, 200);
}

TEST_F(ServerTest, AnswersHeadWithoutABody) {
  start();
  RawClient one = client();
  const Answer answer = one.ask("HEAD", "/health");
  EXPECT_EQ(answer.status, 200);
  EXPECT_GT(std::stoi(answer.fields.at("content-length")), 0);
  EXPECT_EQ(one.ask("GET", "/health").status, 200) << "a body followed the head";
}

TEST_F(ServerTest, RefusesAMalformedRequestAndCloses) {
  start();
  RawClient one = client();
  one.send("\x16\x03\x01 this is no HTTP\r\n\r\n");
  const Answer answer = one.answer();
  EXPECT_EQ(answer.status, 400);
  EXPECT_EQ(answer.error_code(), "invalid_request");
  EXPECT_TRUE(one.closed_by_server());
}

TEST_F(ServerTest, RefusesAHeadThatIsTooLarge) {
  start();
  RawClient one = client();
  one.request("GET", "/health", "", "X-Long: " + std::string(20000, 'x') + "\r\n");
  EXPECT_EQ(one.answer().status, 431);
}

TEST_F(ServerTest, RefusesABodyThatIsTooLargeBeforeReadingIt) {
  options.body_bytes_max = 1000;
  start();
  RawClient one = client();
  one.send(
      "POST /v1/query HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/sql\r\nContent-Length: 1001\r\n\r\n");
  const Answer answer = one.answer();
  EXPECT_EQ(answer.status, 413);
  EXPECT_EQ(answer.error_code(), "body_too_large");
}

TEST_F(ServerTest, RefusesAChunkedBodyThatIsTooLarge) {
  options.body_bytes_max = 1000;
  start();
  RawClient one = client();
  one.send(
      "POST /v1/query HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/sql\r\nTransfer-Encoding: "
      "chunked\r\n\r\n");
  for (int i = 0; i < 3; ++i) one.send("200\r\n" + std::string(512, 'x') + "\r\n");
  EXPECT_EQ(one.answer().status, 413);
}

TEST_F(ServerTest, TakesAChunkedBody) {
  start();
  engine.script("select 1", {});
  RawClient one = client();
  one.send(
      "POST /v1/query HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/sql\r\nTransfer-Encoding: "
      "chunked\r\n\r\n"
      "4\r\nsele\r\n4\r\nct 1\r\n0\r\n\r\n");
  EXPECT_EQ(one.answer().status, 200);
}

TEST_F(ServerTest, AsksForABodyThatTheClientHoldsBack) {
  start();
  engine.script("select 1", {});
  RawClient one = client();
  one.send(
      "POST /v1/query HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/sql\r\nContent-Length: 8\r\n"
      "Expect: 100-continue\r\n\r\n");
  EXPECT_EQ(one.head(), "HTTP/1.1 100 Continue\r\n\r\n");
  one.send("select 1");
  EXPECT_EQ(one.answer().status, 200);
}

TEST_F(ServerTest, DropsAClientThatSendsItsHeadTooSlowly) {
  options.read_timeout = std::chrono::milliseconds(50);
  start();
  RawClient one = client();
  one.send("GET /health HTTP/1.1\r\n");
  const Answer answer = one.answer();
  EXPECT_EQ(answer.status, 408);
  EXPECT_TRUE(one.closed_by_server());
}

TEST_F(ServerTest, ClosesAConnectionThatStaysSilent) {
  options.read_timeout = std::chrono::milliseconds(50);
  start();
  RawClient one = client();
  EXPECT_TRUE(one.closed_by_server());
}

TEST_F(ServerTest, TellsAClientBeyondTheLimitToComeBack) {
  options.connections_max = 1;
  start();
  RawClient first = client();
  ASSERT_EQ(first.ask("GET", "/health").status, 200);
  RawClient second = client();
  const Answer answer = second.ask("GET", "/health");
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.error_code(), "too_many_requests");
  EXPECT_EQ(answer.fields.at("retry-after"), "1");
  EXPECT_TRUE(second.closed_by_server());
}

TEST_F(ServerTest, ServesAgainWhenAConnectionHasEnded) {
  options.connections_max = 1;
  start();
  RawClient first = client();
  ASSERT_EQ(first.ask("GET", "/health").status, 200);
  first.close();
  EXPECT_TRUE(eventually([&] { return ask("GET", "/health").status == 200; }));
}

TEST_F(ServerTest, CountsConnectionsAndRequests) {
  start();
  RawClient one = client();
  one.ask("GET", "/health");
  const std::string text = one.ask("GET", "/metrics").body;
  EXPECT_NE(text.find("route=\"/health\""), std::string::npos) << text;
}

TEST_F(ServerTest, ListensOnAnIpv6Address) {
  options.listen = "[::1]:0";
  start();
  EXPECT_TRUE(server->address().starts_with("[::1]:")) << server->address();
}

TEST_F(ServerTest, RefusesAPublicAddressWithoutTokens) {
  options.listen = "0.0.0.0:0";
  const auto opened = Server::open(options, fleet, engine, metrics);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::invalid_option);
}

TEST_F(ServerTest, ListensOnAPublicAddressWithTokens) {
  options.listen = "0.0.0.0:0";
  start_with_tokens();
  EXPECT_EQ(ask("GET", "/health").status, 200);
  EXPECT_EQ(ask("GET", "/metrics").status, 401);
}

TEST_F(ServerTest, SaysWhichAddressIsInUse) {
  start();
  options.listen = server->address();
  const auto second = Server::open(options, fleet, engine, metrics);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::io_error);
  EXPECT_NE(second.error().message.find(server->address()), std::string::npos);
}

}  // namespace
}  // namespace weir::server
