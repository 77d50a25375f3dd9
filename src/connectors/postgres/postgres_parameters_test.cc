#include "connectors/postgres/postgres_parameters.h"

#include <map>

#include <gtest/gtest.h>

namespace weir::postgres {
namespace {

const options::SecretResolver kSecrets([](const std::string& name) -> std::optional<std::string> {
  if (name == "PG_PASSWORD") return "marker-secret";
  return std::nullopt;
});

PostgresOptions options_of(std::string url, Tls tls = Tls::required) {
  PostgresOptions options;
  options.url = std::move(url);
  options.tls = tls;
  return options;
}

std::map<std::string, std::string> keywords(const PostgresOptions& options) {
  const auto made = make_parameters(options, kSecrets);
  EXPECT_TRUE(made) << made.error().to_string();
  if (!made) return {};
  return {made->keywords.begin(), made->keywords.end()};
}

Error refusal(const std::string& url) {
  const auto made = make_parameters(options_of(url), kSecrets);
  EXPECT_FALSE(made) << url;
  return made ? Error{} : made.error();
}

TEST(MakeParameters, TakesTheUrlApart) {
  const auto found = keywords(options_of("postgres://app@db.example.com:6432/shop"));
  EXPECT_EQ(found.at("host"), "db.example.com");
  EXPECT_EQ(found.at("port"), "6432");
  EXPECT_EQ(found.at("user"), "app");
  EXPECT_EQ(found.at("dbname"), "shop");
}

TEST(MakeParameters, NamesTheEndpointWithoutUserAndPassword) {
  const auto made = make_parameters(options_of("postgresql://app:marker-secret@db.example.com/shop"), kSecrets);
  ASSERT_TRUE(made);
  EXPECT_EQ(made->endpoint, "db.example.com:5432/shop");
}

TEST(MakeParameters, ResolvesThePassword) {
  PostgresOptions options = options_of("postgres://app@db/shop");
  options.secret_ref = "$env:PG_PASSWORD";
  EXPECT_EQ(keywords(options).at("password"), "marker-secret");
}

TEST(MakeParameters, NamesTheSecretThatDoesNotResolve) {
  PostgresOptions options = options_of("postgres://app@db/shop");
  options.secret_ref = "$env:PG_PASWORD";
  const auto made = make_parameters(options, kSecrets);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, ErrorCode::secret_unresolvable);
  EXPECT_NE(made.error().message.find("PG_PASWORD"), std::string::npos);
}

TEST(MakeParameters, MapsTlsToLibpqsModes) {
  const std::string url = "postgres://app@db/shop";
  EXPECT_EQ(keywords(options_of(url, Tls::required)).at("sslmode"), "require");
  EXPECT_EQ(keywords(options_of(url, Tls::disabled)).at("sslmode"), "disable");
  PostgresOptions full = options_of(url, Tls::verify_full);
  full.tls_root_cert = "/etc/weir/ca.pem";
  EXPECT_EQ(keywords(full).at("sslmode"), "verify-full");
  EXPECT_EQ(keywords(full).at("sslrootcert"), "/etc/weir/ca.pem");
}

TEST(MakeParameters, ChecksTheChainWhenAnAuthorityIsGiven) {
  PostgresOptions options = options_of("postgres://app@db/shop", Tls::required);
  options.tls_root_cert = "/etc/weir/ca.pem";
  EXPECT_EQ(keywords(options).at("sslmode"), "verify-ca");
}

TEST(MakeParameters, LetsNothingOfTheHomeDirectoryIn) {
  const auto found = keywords(options_of("postgres://app@db/shop"));
  for (const char* keyword : {"passfile", "sslrootcert", "sslcert", "sslkey"}) {
    EXPECT_TRUE(found.at(keyword).starts_with("/nonexistent/")) << keyword;
  }
  EXPECT_EQ(found.at("gssencmode"), "disable");
}

TEST(MakeParameters, RefusesTlsInTheUrl) {
  const Error error = refusal("postgres://app@db/shop?sslmode=disable");
  EXPECT_EQ(error.code, ErrorCode::invalid_option);
  EXPECT_NE(error.hint.find("connection.tls"), std::string::npos);
}

TEST(MakeParameters, RefusesWhatIsNoUrlWithoutRepeatingIt) {
  for (const char* url : {"db.example.com", "host=db password=marker-secret", "mysql://app:marker-secret@db/shop",
                          "postgres://app:marker-secret/@db:5432/shop", "postgres://app:12/marker-secret@db:5432/shop",
                          "postgres://app:marker-secret@db:54x/shop?x"}) {
    const Error error = refusal(url);
    EXPECT_EQ(error.code, ErrorCode::invalid_option);
    EXPECT_EQ(error.to_string().find("marker-secret"), std::string::npos) << url;
  }
}

}  // namespace
}  // namespace weir::postgres
