#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "cli/http_client.h"

namespace weir::cli {
namespace {

TEST(ErrorOfAnswer, TakesCodeMessageAndHintOfTheEnvelope) {
  const Error error = error_of_answer(
      404, R"({"error":{"code":"table_not_found","message":"no table x","hint":"y?","request_id":"r"}})");
  EXPECT_EQ(error.code, ErrorCode::table_not_found);
  EXPECT_EQ(error.message, "no table x");
  EXPECT_EQ(error.hint, "y?");
}

TEST(ErrorOfAnswer, NamesTheRequestOfADefect) {
  const Error error = error_of_answer(500, R"({"error":{"code":"internal","message":"broken","request_id":"r1"}})");
  EXPECT_EQ(error.message, "broken (request r1)");
}

TEST(ErrorOfAnswer, KeepsACodeThatItDoesNotKnow) {
  EXPECT_EQ(error_of_answer(400, R"({"error":{"code":"future","message":"m"}})").message, "m (future)");
}

TEST(ErrorOfAnswer, SaysWhenAStrangerAnswers) {
  EXPECT_EQ(error_of_answer(502, "<html>").message, "the server answered HTTP 502 without saying why");
}

TEST(HttpClient, RefusesWhatIsNoServersUrl) {
  EXPECT_EQ(HttpClient::open({"127.0.0.1:8080", ""}).error().code, ErrorCode::invalid_option);
  const auto refused = HttpClient::open({"http://user:geheim@host", ""});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().to_string().find("geheim"), std::string::npos);
}

TEST(HttpClient, SaysThatNobodyListens) {
  auto client = HttpClient::open({"http://127.0.0.1:1", ""});
  ASSERT_TRUE(client);
  const auto answer = (*client)->json({.path = "/health"});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::server_unreachable);
}

TEST(PercentEncoded, EscapesAllButUnreservedCharacters) { EXPECT_EQ(percent_encoded("a b/ü~"), "a%20b%2F%C3%BC~"); }

}  // namespace
}  // namespace weir::cli
