#include <gtest/gtest.h>

#include "options/example_options.h"

namespace weir::options {
namespace {

using nlohmann::json;

TEST(MaskUrls, HidesThePasswordOnly) {
  EXPECT_EQ(mask_urls("postgres://app:hunter2@db:5432/app?sslmode=require"),
            "postgres://app:***@db:5432/app?sslmode=require");
  EXPECT_EQ(mask_urls("redis://:hunter2@cache"), "redis://:***@cache");
}

TEST(MaskUrls, HidesPercentEncodedAndBadlyEncodedPasswords) {
  EXPECT_EQ(mask_urls("postgres://app:hunter%402%2F@db/app"), "postgres://app:***@db/app");
  EXPECT_EQ(mask_urls("postgres://app:hunt@er2@db/app"), "postgres://app:***@db/app");
  EXPECT_EQ(mask_urls("postgres://app:hunt/er2@db/app"), "postgres://app:***@db/app");
  EXPECT_EQ(mask_urls("postgres://app:hunt?er#2@db/app"), "postgres://app:***@db/app");
}

TEST(MaskUrls, HidesEveryUrlOfARunningText) {
  EXPECT_EQ(mask_urls("from postgres://a:one@h/x to 'mysql://b:two@h/y', done"),
            "from postgres://a:***@h/x to 'mysql://b:***@h/y', done");
}

TEST(MaskUrls, LeavesTextWithoutPasswordsAlone) {
  for (const char* text : {"", "plain", "postgres://app@db:5432/app", "http://localhost:8080/v1?x=a@b",
                           "time 12:30 a@b", "://", "x://@"}) {
    EXPECT_EQ(mask_urls(text), text);
  }
}

TEST(MaskUrls, ShowsReferencesAsTyped) {
  EXPECT_EQ(mask_urls("postgres://app:${PG_PASSWORD}@db/app"), "postgres://app:${PG_PASSWORD}@db/app");
  EXPECT_EQ(mask_urls("postgres://app:x${PG_PASSWORD}@db/app"), "postgres://app:***@db/app");
}

TEST(MaskUrls, HidesPasswordsOfConnectionStrings) {
  EXPECT_EQ(mask_urls("host=db password=hunt&er2 user=app"), "host=db password=*** user=app");
  EXPECT_EQ(mask_urls("password = 'hunt er\\'2' user=app"), "password = *** user=app");
  EXPECT_EQ(mask_urls("PASSWORD=hunter2"), "PASSWORD=***");
  EXPECT_EQ(mask_urls("sslpassword=hunter2"), "sslpassword=***");
  EXPECT_EQ(mask_urls("password='unclosed"), "password=***");
  EXPECT_EQ(mask_urls("postgres://db/app?password=hunter2&sslmode=require"),
            "postgres://db/app?password=***&sslmode=require");
  EXPECT_EQ(mask_urls("see postgres://db/app then password=a&b"), "see postgres://db/app then password=***");
  EXPECT_EQ(mask_urls("wrong password for user app"), "wrong password for user app");
}

TEST(Masked, HidesSecretsAndShowsReferences) {
  json body = {{"name", "pg"},
               {"connection", {{"url", "postgres://app:hunter2@db"}, {"secret_ref", "hunter2"}, {"pool_size", 5}}}};
  EXPECT_EQ(masked(example::body(), body)["connection"],
            json({{"url", "postgres://app:***@db"}, {"secret_ref", "***"}, {"pool_size", 5}}));
  for (const char* reference : {"$env:PG", "$file:/run/secrets/pg", "${PG}"}) {
    body["connection"]["secret_ref"] = reference;
    EXPECT_EQ(masked(example::body(), body)["connection"]["secret_ref"], reference);
  }
  body["connection"]["secret_ref"] = "$env:not a name";
  EXPECT_EQ(masked(example::body(), body)["connection"]["secret_ref"], "***");
}

TEST(Masked, ShowsNothingThatIsNotDeclared) {
  EXPECT_EQ(masked(example::body(), {{"name", "pg"}, {"stranger", "hunter2"}}), json({{"name", "pg"}}));
}

TEST(PlainSecrets, NamesThePathsOnly) {
  const json body = {{"connection", {{"url", "postgres://app:hunter2@db"}, {"secret_ref", "$env:PG"}}}};
  EXPECT_EQ(plain_secrets(example::body(), body), std::vector<std::string>{"connection.url"});
  EXPECT_EQ(plain_secrets(example::body(), {{"connection", {{"secret_ref", "hunter2"}}}}),
            std::vector<std::string>{"connection.secret_ref"});
}

}  // namespace
}  // namespace weir::options
