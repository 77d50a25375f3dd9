#include "server/query_request.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace weir::server {
namespace {

Call call_of(const std::string& content_type, const std::string& body, Parameters parameters = {}) {
  Call call;
  call.request.fields.add("Content-Type", content_type);
  call.request.body = body;
  call.principal.name = "somebody";
  call.parameters = std::move(parameters);
  return call;
}

Result<engine::QueryRequest> json(const std::string& body, Parameters parameters = {}) {
  return parse_query_request(call_of("application/json", body, std::move(parameters)));
}

ErrorCode code_of(const Result<engine::QueryRequest>& request) {
  return request ? ErrorCode::internal : request.error().code;
}

TEST(QueryRequest, IsTheTextAlone) {
  const auto request = parse_query_request(call_of("application/sql; charset=utf-8", "SELECT 'ü'"));
  ASSERT_TRUE(request);
  EXPECT_EQ(request->text, "SELECT 'ü'");
  EXPECT_EQ(request->principal.name, "somebody");
  EXPECT_EQ(request->limits.rows_max, 0);
}

TEST(QueryRequest, IsAJsonObject) {
  const auto request =
      json(R"({"query":"SELECT $1","language":"sql","params":[7],"max_rows":10,"timeout_ms":500,"partial":true})");
  ASSERT_TRUE(request);
  EXPECT_EQ(request->text, "SELECT $1");
  EXPECT_EQ(request->params, nlohmann::json({7}));
  EXPECT_EQ(request->limits.rows_max, 10);
  EXPECT_EQ(request->limits.time_max, std::chrono::milliseconds(500));
  EXPECT_TRUE(request->limits.partial_allowed);
}

TEST(QueryRequest, LimitsOfTheAddressWin) {
  const auto request = json(R"({"query":"SELECT 1","max_rows":10})", {{"max_rows", "20"}, {"partial", "true"}});
  ASSERT_TRUE(request);
  EXPECT_EQ(request->limits.rows_max, 20);
  EXPECT_TRUE(request->limits.partial_allowed);
}

TEST(QueryRequest, OffersTheNearestOption) {
  const auto request = json(R"({"query":"SELECT 1","max_row":10})");
  ASSERT_EQ(code_of(request), ErrorCode::unknown_option);
  EXPECT_NE(request.error().hint.find("max_rows"), std::string::npos);
}

TEST(QueryRequest, ChecksTypes) {
  for (const char* body : {R"({"query":1})", R"({"query":"q","params":1})", R"({"query":"q","max_rows":-1})",
                           R"({"query":"q","max_rows":1.5})", R"({"query":"q","timeout_ms":"1"})",
                           R"({"query":"q","partial":1})", R"({"query":"q","language":"cypher"})"}) {
    EXPECT_EQ(code_of(json(body)), ErrorCode::invalid_option) << body;
  }
  EXPECT_EQ(code_of(json(R"({"query":"q"})", {{"max_rows", "ten"}})), ErrorCode::invalid_option);
}

TEST(QueryRequest, RefusesAnEmptyQuery) {
  EXPECT_EQ(code_of(json("{}")), ErrorCode::invalid_request);
  EXPECT_EQ(code_of(parse_query_request(call_of("application/sql", " \n"))), ErrorCode::invalid_request);
}

TEST(QueryRequest, RefusesTextThatIsNotUtf8) {
  EXPECT_EQ(code_of(parse_query_request(call_of("application/sql", "SELECT '\xff'"))), ErrorCode::invalid_request);
}

TEST(QueryRequest, DoesNotEchoABodyThatIsNoJson) {
  const auto request = json(R"({"query": hunter2})");
  ASSERT_EQ(code_of(request), ErrorCode::invalid_request);
  EXPECT_EQ(request.error().message.find("hunter2"), std::string::npos);
}

TEST(QueryRequest, RefusesDeepNesting) {
  const std::string deep = std::string(100'000, '[') + std::string(100'000, ']');
  EXPECT_EQ(code_of(json(R"({"query":"q","params":)" + deep + "}")), ErrorCode::invalid_request);
}

TEST(QueryRequest, KqlIsNotAvailableYet) {
  EXPECT_EQ(code_of(parse_query_request(call_of("application/x-kql", "T | take 1"))), ErrorCode::not_available_yet);
  EXPECT_EQ(code_of(json(R"({"query":"T","language":"kql"})")), ErrorCode::not_available_yet);
}

}  // namespace
}  // namespace weir::server
