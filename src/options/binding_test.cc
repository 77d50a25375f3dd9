#include "options/binding.h"

#include <gtest/gtest.h>

#include "options/example_options.h"

namespace weir::options {
namespace {

enum class Tls { required, disabled };

struct Settings {
  std::string url;
  std::optional<std::string> secret_ref;
  Tls tls = Tls::required;
  std::chrono::milliseconds pool_size{1};
  double sample = 0.25;
  bool read_only = false;
  std::vector<std::string> schemas;
  uint8_t depth = 0;
};

Binding<Settings> complete() {
  return Binding<Settings>()
      .field("connection.url", &Settings::url)
      .field("connection.secret_ref", &Settings::secret_ref)
      .choice("connection.tls", &Settings::tls, {{"required", Tls::required}, {"disabled", Tls::disabled}})
      .field("connection.pool_size", &Settings::pool_size)
      .field("connection.sample", &Settings::sample)
      .field("connection.read_only", &Settings::read_only)
      .field("scope.include_schemas", &Settings::schemas)
      .field("scope.flatten_depth", &Settings::depth);
}

TEST(Binding, FillsEveryKindOfField) {
  const auto body = validate(example::body(), nlohmann::json::parse(R"({
      "name": "pg", "scope": {"include_schemas": ["a", "b"]},
      "connection": {"url": "u", "secret_ref": "$env:X", "tls": "disabled", "pool_size": 7, "sample": 1}})"));
  ASSERT_TRUE(body);
  const auto settings = complete().read(*body);
  ASSERT_TRUE(settings) << settings.error().to_string();
  EXPECT_EQ(settings->url, "u");
  EXPECT_EQ(settings->secret_ref, "$env:X");
  EXPECT_EQ(settings->tls, Tls::disabled);
  EXPECT_EQ(settings->pool_size, std::chrono::milliseconds(7));
  EXPECT_EQ(settings->sample, 1.0);
  EXPECT_TRUE(settings->read_only);
  EXPECT_EQ(settings->schemas, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(settings->depth, 2);
}

TEST(Binding, LeavesAbsentFieldsAsTheyAre) {
  const auto settings = complete().read(nlohmann::json::object());
  ASSERT_TRUE(settings);
  EXPECT_EQ(settings->sample, 0.25);
  EXPECT_EQ(settings->secret_ref, std::nullopt);
}

TEST(Binding, RefusesAValueThatDoesNotFitItsField) {
  const auto settings = complete().read({{"scope", {{"flatten_depth", 256}}}});
  ASSERT_FALSE(settings);
  EXPECT_EQ(settings.error().code, ErrorCode::internal);
  EXPECT_NE(settings.error().message.find("scope.flatten_depth"), std::string::npos);
  EXPECT_FALSE(complete().read({{"connection", {{"url", 1}}}}));
  EXPECT_FALSE(complete().read({{"connection", {{"tls", "other"}}}}));
}

TEST(Binding, FindsWhatIsNotBoundAndWhatIsNotDeclared) {
  EXPECT_EQ(complete().unbound(example::body(), {"name"}), std::vector<std::string>());
  EXPECT_EQ(complete().unbound(example::body()), std::vector<std::string>{"name"});
  EXPECT_EQ(complete().field("connection.ulr", &Settings::url).unbound(example::body(), {"name"}),
            std::vector<std::string>{"connection.ulr"});
}

}  // namespace
}  // namespace weir::options
