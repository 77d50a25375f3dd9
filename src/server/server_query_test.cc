/// Queries over a socket: streaming, backpressure, clients that leave, answers that break off.
#include "server/server_fixture.h"

namespace weir::server {
namespace {

using testing::Answer;
using testing::eventually;
using testing::RawClient;
using testing::Script;
using testing::ServerTest;

Error division_failed() { return {ErrorCode::query_failed, "division by zero", {}, {}}; }

TEST_F(ServerTest, AnswersAQueryInJson) {
  start();
  engine.script("select n", {.rows = 2, .value = "a"});
  RawClient one = client();
  one.query("select n");
  const Answer answer = one.answer();
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.fields.at("transfer-encoding"), "chunked");
  EXPECT_EQ(answer.fields.at("x-weir-query-id"), "query-1");
  const auto document = answer.json();
  EXPECT_EQ(document.at("columns"), nlohmann::json::parse(R"([{"name":"n","type":"VARCHAR"}])"));
  EXPECT_EQ(document.at("rows"), nlohmann::json::parse(R"([["a"],["a"]])"));
  EXPECT_EQ(document.at("row_count"), 2);
  EXPECT_EQ(document.at("request_id"), answer.fields.at("x-request-id"));
}

TEST_F(ServerTest, AnswersAQueryInTheFormatThatIsAccepted) {
  start();
  engine.script("select n", {.rows = 1, .value = "a"});
  RawClient one = client();
  one.query("select n", "Accept: text/csv\r\n");
  const Answer csv = one.answer();
  EXPECT_EQ(csv.fields.at("content-type"), "text/csv");
  EXPECT_EQ(csv.body, "n\na\n");
  one.query("select n", "Accept: application/x-ndjson\r\n");
  const std::string lines = one.answer().body;
  EXPECT_TRUE(lines.starts_with("{\"n\":\"a\"}\n{\"$summary\":")) << lines;
}

TEST_F(ServerTest, ReportsAnErrorBeforeTheFirstRowWithItsStatus) {
  start();
  engine.script("select 1/0", {.fails_at = 0, .failure = division_failed()});
  RawClient one = client();
  one.query("select 1/0");
  const Answer answer = one.answer();
  EXPECT_EQ(answer.status, 400);
  EXPECT_EQ(answer.error_code(), "query_failed");
  EXPECT_EQ(answer.fields.at("x-weir-query-id"), "query-1");
  EXPECT_EQ(one.ask("GET", "/health").status, 200) << "the connection does not go on";
}

TEST_F(ServerTest, AnErrorAfterRowsEndsTheAnswerWithoutItsLastChunk) {
  start();
  engine.script("select", {.batches = 9, .fails_at = 2, .failure = division_failed()});
  RawClient one = client();
  one.query("select");
  const Answer answer = one.answer();
  EXPECT_EQ(answer.status, 200);
  EXPECT_FALSE(answer.complete);
  EXPECT_EQ(answer.json().at("rows").size(), 4);
  EXPECT_EQ(answer.json().at("error").at("code"), "query_failed");
  EXPECT_TRUE(one.closed_by_server());
}

TEST_F(ServerTest, DoesNotAskForABatchThatASlowClientCannotTake) {
  start();
  const auto trace = engine.script("select big", {.batches = 1000, .rows = 1000, .value = std::string(1000, 'x')});
  RawClient slow = client(4096);
  slow.query("select big");
  ASSERT_TRUE(slow.head().starts_with("HTTP/1.1 200"));
  // A megabyte each: the kernel's buffers hold a few, then the count must stand still.
  int calls = 0;
  ASSERT_TRUE(eventually([&] {
    const int before = std::exchange(calls, trace->next_calls.load());
    for (int i = 0; i < 20 && trace->next_calls == calls; ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    return before == calls && trace->next_calls == calls;
  }));
  EXPECT_LT(calls, 50);
  EXPECT_FALSE(trace->cancelled);
}

TEST_F(ServerTest, StreamsAllBatchesToAPatientClient) {
  start();
  engine.script("select all", {.batches = 200, .rows = 1000, .value = std::string(100, 'x')});
  RawClient one = client();
  one.query("select all", "Accept: text/csv\r\n");
  const Answer answer = one.answer();
  EXPECT_TRUE(answer.complete);
  EXPECT_EQ(answer.body.size(), 2 + 200 * 1000 * 101);
}

TEST_F(ServerTest, DropsAClientThatTakesNothing) {
  options.write_timeout = std::chrono::milliseconds(100);
  start();
  const auto trace = engine.script("select big", {.batches = 1000, .rows = 1000, .value = std::string(1000, 'x')});
  RawClient slow = client(4096);
  slow.query("select big");
  EXPECT_TRUE(eventually([&] { return trace->ended.load(); }));
}

TEST_F(ServerTest, CancelsTheQueryOfAClientThatLeavesBeforeTheFirstRow) {
  start();
  const auto trace = engine.script("select slow", {.waits_at = 0});
  RawClient one = client();
  one.query("select slow");
  ASSERT_TRUE(eventually([&] { return trace->waiting.load(); }));
  one.close();
  EXPECT_TRUE(eventually([&] { return trace->cancelled && trace->ended; }));
}

TEST_F(ServerTest, CancelsTheQueryOfAClientThatLeavesWhileItStarts) {
  start();
  const auto trace = engine.script("select slow; select 1", {.start_waits = true});
  RawClient one = client();
  one.query("select slow; select 1");
  ASSERT_TRUE(eventually([&] { return trace->waiting.load(); }));
  one.close();
  EXPECT_TRUE(eventually([&] { return trace->ended.load(); }));
  trace->cancel();
}

TEST_F(ServerTest, CancelsTheQueryOfAClientThatLeavesBetweenBatches) {
  start();
  const auto trace = engine.script("select slow", {.batches = 5, .waits_at = 2});
  RawClient one = client();
  one.query("select slow");
  ASSERT_TRUE(one.head().starts_with("HTTP/1.1 200"));
  ASSERT_TRUE(eventually([&] { return trace->waiting.load(); }));
  one.reset();
  EXPECT_TRUE(eventually([&] { return trace->cancelled && trace->ended; }));
}

TEST_F(ServerTest, PipelinedBytesDoNotCancelARunningQuery) {
  start();
  const auto trace = engine.script("select slow", {.waits_at = 0});
  RawClient one = client();
  one.query("select slow");
  ASSERT_TRUE(eventually([&] { return trace->waiting.load(); }));
  one.request("GET", "/health");
  // A later disconnect of another client is noticed, so the watcher has seen the bytes by then.
  const auto other = engine.script("select other", {.waits_at = 0});
  RawClient leaving = client();
  leaving.query("select other");
  ASSERT_TRUE(eventually([&] { return other->waiting.load(); }));
  leaving.close();
  ASSERT_TRUE(eventually([&] { return other->cancelled.load(); }));
  EXPECT_FALSE(trace->cancelled);
  ASSERT_TRUE(engine.cancel("query-1"));
  EXPECT_EQ(one.answer().error_code(), "cancelled");
  EXPECT_EQ(one.answer().status, 200) << "the pipelined request is lost";
}

TEST_F(ServerTest, CancelsAQueryById) {
  start();
  const auto trace = engine.script("select slow", {.waits_at = 0});
  RawClient one = client();
  one.query("select slow");
  ASSERT_TRUE(eventually([&] { return trace->waiting.load(); }));
  const auto items = ask("GET", "/v1/queries").json().at("items");
  ASSERT_EQ(items.size(), 1);
  EXPECT_EQ(items[0].at("state"), "running");
  EXPECT_EQ(ask("DELETE", "/v1/queries/" + items[0].at("id").get<std::string>()).status, 204);
  const Answer answer = one.answer();
  EXPECT_EQ(answer.status, 499);
  EXPECT_EQ(answer.error_code(), "cancelled");
}

TEST_F(ServerTest, AQueryHasEndedWhenItsAnswerHasBeenRead) {
  start();
  const auto trace = engine.script("select 1", {});
  RawClient one = client();
  one.query("select 1");
  ASSERT_TRUE(one.answer().complete);
  EXPECT_TRUE(trace->ended);
}

TEST_F(ServerTest, StopLetsARunningQueryEnd) {
  start();
  const auto trace = engine.script("select big", {.batches = 100, .rows = 1000, .value = std::string(1000, 'x')});
  RawClient one = client();
  one.query("select big", "Accept: text/csv\r\n");
  ASSERT_TRUE(eventually([&] { return trace->next_calls > 1; }));
  server->stop();
  ASSERT_TRUE(eventually([&] { return ask("GET", "/ready").status == 503; }));
  const Answer answer = one.answer();
  EXPECT_TRUE(answer.complete);
  EXPECT_EQ(answer.body.size(), 2 + 100 * 1000 * 1001);
  stop();
  EXPECT_FALSE(trace->cancelled);
}

TEST_F(ServerTest, StopRefusesNewWorkWhileItDrains) {
  options.drain_limit = std::chrono::seconds(30);
  start();
  const auto trace = engine.script("select slow", {.waits_at = 0});
  RawClient one = client();
  one.query("select slow");
  ASSERT_TRUE(eventually([&] { return trace->waiting.load(); }));
  RawClient idle = client();
  ASSERT_EQ(idle.ask("GET", "/health").status, 200);
  server->stop();
  ASSERT_TRUE(eventually([&] { return ask("GET", "/ready").status == 503; }));
  EXPECT_EQ(ask("GET", "/ready").json().at("reasons"), nlohmann::json({"draining"}));
  const Answer refused = idle.ask("POST", "/v1/query", "select 1", "Content-Type: application/sql\r\n");
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.error_code(), "shutting_down");
  EXPECT_EQ(refused.fields.at("connection"), "close");
  EXPECT_EQ(ask("DELETE", "/v1/queries/query-1").status, 204) << "a running query cannot be cancelled";
  EXPECT_EQ(one.answer().error_code(), "cancelled");
  stop();
}

TEST_F(ServerTest, StopCancelsWhatRunsLongerThanTheLimit) {
  options.drain_limit = std::chrono::milliseconds(50);
  start();
  const auto trace = engine.script("select slow", {.waits_at = 0});
  RawClient one = client();
  one.query("select slow");
  ASSERT_TRUE(eventually([&] { return trace->waiting.load(); }));
  stop();
  EXPECT_TRUE(trace->cancelled);
  EXPECT_EQ(one.answer().error_code(), "cancelled");
}

TEST_F(ServerTest, StopClosesIdleConnections) {
  start();
  RawClient idle = client();
  ASSERT_EQ(idle.ask("GET", "/health").status, 200);
  stop();
  EXPECT_TRUE(idle.closed_by_server());
}

}  // namespace
}  // namespace weir::server
