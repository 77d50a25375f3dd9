#include "server/errors.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/ids.h"

namespace weir::server {
namespace {

nlohmann::json body_of(const Response& response) { return nlohmann::json::parse(response.body); }

std::string request_id(const std::string& sent) {
  Fields fields;
  fields.add("x-request-id", sent);
  return request_id_of(fields);
}

TEST(ErrorResponse, HasTheEnvelope) {
  const Response response = error_response({ErrorCode::table_not_found, "no table t", "did you mean 'u'?", ""}, "r1");
  EXPECT_EQ(response.status, 404);
  EXPECT_EQ(
      body_of(response),
      nlohmann::json::parse(
          R"({"error":{"code":"table_not_found","message":"no table t","hint":"did you mean 'u'?","request_id":"r1"}})"));
}

TEST(ErrorResponse, TakesTheHintOfTheTable) {
  const auto body = body_of(error_response({ErrorCode::cancelled, "query was cancelled", "", ""}, "r1"));
  EXPECT_EQ(body.at("error").at("hint"), describe(ErrorCode::cancelled).action);
}

TEST(ErrorResponse, NamesTheSource) {
  const auto body = body_of(error_response({ErrorCode::source_unreachable, "refused", "", "pg_prod"}, "r1"));
  EXPECT_EQ(body.at("error").at("source"), "pg_prod");
}

TEST(ErrorResponse, TakesAStatusOfItsOwn) {
  EXPECT_EQ(error_response({ErrorCode::too_many_requests, "full", "", ""}, "r1", 503).status, 503);
}

TEST(ErrorResponse, SaysWhenToTryAgain) {
  const Response response = error_response({ErrorCode::too_many_requests, "full", "", ""}, "r1");
  ASSERT_NE(response.fields.find("Retry-After"), nullptr);
  EXPECT_EQ(*response.fields.find("Retry-After"), "1");
}

TEST(ErrorResponse, AsksForAToken) {
  const Response response = error_response({ErrorCode::unauthenticated, "no token", "", ""}, "r1");
  EXPECT_EQ(*response.fields.find("WWW-Authenticate"), "Bearer");
}

TEST(ErrorResponse, IsValidJsonWhateverTheMessageHolds) {
  const auto body = body_of(error_response({ErrorCode::query_failed, "bad \xff\x01 \"text\"", "", ""}, "r1"));
  EXPECT_EQ(body.at("error").at("message"), "bad \xef\xbf\xbd\x01 \"text\"");
}

TEST(RequestId, IsTakenFromTheRequest) { EXPECT_EQ(request_id("Trace-1.a_B"), "Trace-1.a_B"); }

TEST(RequestId, IsMadeWhenTheRequestsOneIsUnusable) {
  for (const std::string& sent :
       {std::string(), std::string("a b"), std::string("a\"b"), std::string("ü"), std::string(129, 'a')}) {
    EXPECT_TRUE(is_uuid(request_id(sent))) << sent;
  }
  EXPECT_TRUE(is_uuid(request_id_of({})));
}

}  // namespace
}  // namespace weir::server
