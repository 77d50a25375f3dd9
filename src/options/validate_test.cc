#include <gtest/gtest.h>

#include "options/example_options.h"

namespace weir::options {
namespace {

using nlohmann::json;

json with_connection(json changes = json::object()) {
  json body = {{"name", "pg"}, {"connection", {{"url", "postgres://app@db/app"}}}};
  body["connection"].update(changes);
  return body;
}

Error error_of(const json& body) {
  auto result = validate(example::body(), body);
  EXPECT_FALSE(result) << (result ? result->dump() : "");
  return result ? Error{} : result.error();
}

TEST(Validate, FillsDefaultsOfInnerGroups) {
  const auto result = validate(example::body(), with_connection());
  ASSERT_TRUE(result) << result.error().to_string();
  EXPECT_EQ(*result,
            json::parse(R"({"name":"pg","connection":{"url":"postgres://app@db/app","tls":"required","pool_size":5,
                                     "read_only":true},"scope":{"flatten_depth":2}})"));
}

TEST(Validate, IsStableOnItsOwnAnswer) {
  const auto once = validate(example::body(), with_connection({{"pool_size", 7}}));
  ASSERT_TRUE(once);
  EXPECT_EQ(validate(example::body(), *once).value(), *once);
}

TEST(Validate, TreatsNullAsAbsent) {
  const auto result = validate(example::body(), with_connection({{"pool_size", nullptr}, {"secret_ref", nullptr}}));
  ASSERT_TRUE(result);
  EXPECT_EQ((*result)["connection"]["pool_size"], 5);
  EXPECT_FALSE((*result)["connection"].contains("secret_ref"));
}

TEST(Validate, OffersTheNearestNameForAnUnknownOption) {
  const Error error = error_of(with_connection({{"pool_sise", 3}}));
  EXPECT_EQ(error.code, ErrorCode::unknown_option);
  EXPECT_EQ(error.message, "unknown option connection.pool_sise");
  EXPECT_EQ(error.hint, "did you mean 'connection.pool_size'?");
}

TEST(Validate, OffersTheRightPlaceForAMisplacedOption) {
  json body = with_connection();
  body["pool_size"] = 3;
  EXPECT_EQ(error_of(body).hint, "did you mean 'connection.pool_size'?");
}

TEST(Validate, ListsKnownOptionsWhenNothingIsNear) {
  EXPECT_EQ(error_of({{"frobnication", 1}}).hint, "Known here: name, connection, scope.");
}

TEST(Validate, NamesAMissingOption) {
  const Error error = error_of({{"name", "pg"}});
  EXPECT_EQ(error.code, ErrorCode::invalid_option);
  EXPECT_EQ(error.message, "option connection.url is required and must be a string");
}

TEST(Validate, LeavesOutAnAbsentGroupThatNeedsAnOption) {
  static const Group outer{
      .name = "outer",
      .doc = "",
      .options = {{.name = "connection", .type = ValueType::group, .doc = "", .group = &example::connection()}}};
  EXPECT_EQ(validate(outer, json::object()).value(), json::object());
}

TEST(Validate, RefusesANumberWrittenAsText) {
  const Error error = error_of(with_connection({{"pool_size", "10"}}));
  EXPECT_EQ(error.message, "option connection.pool_size must be an integer from 1 to 50, got \"10\"");
  EXPECT_EQ(error.hint, "Write the value without quotes.");
}

TEST(Validate, NamesTheBounds) {
  for (const json& value : {json(0), json(51), json(-1), json(18446744073709551615ULL)}) {
    const Error error = error_of(with_connection({{"pool_size", value}}));
    EXPECT_EQ(error.code, ErrorCode::invalid_option);
    EXPECT_EQ(error.message, "option connection.pool_size must be an integer from 1 to 50, got " + value.dump());
  }
}

TEST(Validate, RefusesAFractionForAnInteger) {
  EXPECT_EQ(error_of(with_connection({{"pool_size", 2.5}})).code, ErrorCode::invalid_option);
}

TEST(Validate, BoundsNumbersWithFractions) {
  EXPECT_TRUE(validate(example::body(), with_connection({{"sample", 0.5}})));
  EXPECT_TRUE(validate(example::body(), with_connection({{"sample", 1}})));
  EXPECT_EQ(error_of(with_connection({{"sample", 1.01}})).message,
            "option connection.sample must be a number from 0 to 1, got 1.01");
}

TEST(Validate, OffersTheNearestChoice) {
  const Error error = error_of(with_connection({{"tls", "require"}}));
  EXPECT_EQ(error.message, "option connection.tls must be one of \"required\", \"disabled\", got \"require\"");
  EXPECT_EQ(error.hint, "did you mean 'required'?");
}

TEST(Validate, RefusesEveryWrongType) {
  EXPECT_EQ(error_of(with_connection({{"read_only", "true"}})).hint, "Write the value without quotes.");
  EXPECT_EQ(error_of({{"name", "pg"}, {"connection", "postgres://"}}).message,
            "option connection must be an object, got \"postgres://\"");
  EXPECT_EQ(error_of(with_connection({{"url", 5432}})).message, "option connection.url must be a string, got 5432");
  json body = with_connection();
  body["scope"] = {{"include_schemas", "public"}};
  EXPECT_EQ(error_of(body).message, "option scope.include_schemas must be a list of strings, got \"public\"");
  body["scope"] = {{"include_schemas", {"public", 7}}};
  EXPECT_EQ(error_of(body).message, "option scope.include_schemas[1] must be a list of strings, got 7");
  EXPECT_EQ(error_of(json::array()).message, "body must be a JSON object, got array");
}

TEST(Validate, NeverShowsASecret) {
  const Error wrong_type = error_of(with_connection({{"secret_ref", {"hunter2"}}}));
  EXPECT_EQ(wrong_type.message, "option connection.secret_ref must be a string, got ***");
  const Error in_url = error_of(with_connection({{"tls", "postgres://u:hunter2@h"}}));
  EXPECT_EQ(in_url.to_string().find("hunter2"), std::string::npos);
}

TEST(Validate, RefusesTheMaskThatAnAnswerShowed) {
  EXPECT_EQ(error_of(with_connection({{"secret_ref", "***"}})).code, ErrorCode::invalid_option);
  EXPECT_EQ(error_of(with_connection({{"url", "postgres://app:***@db/app"}})).code, ErrorCode::invalid_option);
}

TEST(Validate, RefusesEmptyRequiredTextAndNulCharacters) {
  EXPECT_EQ(error_of(with_connection({{"url", ""}})).message, "option connection.url must not be empty");
  EXPECT_EQ(error_of(with_connection({{"url", std::string("a\0b", 3)}})).message,
            "option connection.url must not hold a NUL character");
}

TEST(Validate, ShortensLongValuesAndKeys) {
  EXPECT_LT(error_of({{std::string(100'000, 'x'), 1}}).message.size(), 200u);
  EXPECT_LT(error_of(with_connection({{"pool_size", std::string(100'000, 'x')}})).message.size(), 200u);
}

}  // namespace
}  // namespace weir::options
