#include "connector/connector_body.h"

#include "connector/fleet_fixture.h"

namespace weir::connector {
namespace {

using nlohmann::json;

class ConnectorBody : public testing::FleetTest {
 protected:
  Error error_of(const json& body) {
    const auto checked = check_body(registry, secrets, body);
    EXPECT_FALSE(checked) << body;
    return checked ? Error{} : checked.error();
  }
  std::vector<std::string> warnings_of(const json& body) {
    const auto checked = check_body(registry, secrets, body);
    EXPECT_TRUE(checked) << checked.error().to_string();
    return checked ? checked->warnings : std::vector<std::string>();
  }
  static json with(const json& patch) {
    json body = FleetTest::body();
    body.merge_patch(patch);
    return body;
  }
};

TEST_F(ConnectorBody, GivesTheSpec) {
  const auto checked = check_body(registry, secrets, body());
  ASSERT_TRUE(checked) << checked.error().to_string();
  EXPECT_EQ(checked->spec.name, "pg_prod");
  EXPECT_EQ(checked->spec.type, "fake");
  EXPECT_EQ(checked->spec.mode, Mode::federation);
  EXPECT_EQ(checked->spec.body["connection"]["pool_size"], 5);
  EXPECT_EQ(checked->spec.body["connection"]["secret_ref"], "$env:PG_PASSWORD");
  EXPECT_TRUE(checked->warnings.empty());
}

TEST_F(ConnectorBody, OffersTheNearestType) {
  const Error error = error_of(with({{"type", "fak"}}));
  EXPECT_EQ(error.code, ErrorCode::invalid_option);
  EXPECT_EQ(error.message, "unknown connector type: 'fak'");
  EXPECT_EQ(error.hint, "did you mean 'fake'?");
  EXPECT_EQ(error_of(with({{"type", "cassandra"}})).hint, "Known types: fake");
  EXPECT_EQ(error_of(with({{"type", nullptr}})).message, "option type is required and must be a string");
  EXPECT_EQ(error_of(json("text")).message, "connector must be a JSON object, got string");
}

TEST_F(ConnectorBody, TakesOnlyPlainIdentifiersAsNames) {
  for (const char* name : {"", "1pg", "pg-prod", "pg prod", "pg.prod", "\"pg\"", "pg;", "größe"}) {
    EXPECT_EQ(error_of(with({{"name", name}})).code, ErrorCode::invalid_option) << name;
  }
  EXPECT_EQ(error_of(with({{"name", std::string(64, 'a')}})).code, ErrorCode::invalid_option);
  for (const char* name : {"p", "_pg", "PG_prod2"})
    EXPECT_TRUE(check_body(registry, secrets, with({{"name", name}}))) << name;
}

TEST_F(ConnectorBody, RefusesReservedNamesInEitherCase) {
  for (const char* name : {"weir", "WEIR", "memory", "system", "temp", "main", "information_schema", "pg_catalog"}) {
    const Error error = error_of(with({{"name", name}}));
    EXPECT_EQ(error.message, std::string("option name must not be a reserved catalog name, got \"") + name + "\"");
  }
}

TEST_F(ConnectorBody, SaysThatAModeComesLater) {
  for (const char* mode : {"sync", "both"}) {
    const Error error = error_of(with({{"mode", mode}, {"sync", {{"tables", {"public.users"}}}}}));
    EXPECT_EQ(error.code, ErrorCode::not_available_yet);
    EXPECT_EQ(error.message, std::string("mode '") + mode + "' is not available yet for type fake");
  }
  EXPECT_EQ(error_of(with({{"sync", {{"tables", {"public.users"}}}}})).code, ErrorCode::not_available_yet);
  EXPECT_EQ(error_of(with({{"mode", "federate"}})).hint, "did you mean 'federation'?");
}

TEST_F(ConnectorBody, ResolvesEverySecretBeforeItPasses) {
  const Error secret = error_of(with({{"connection", {{"secret_ref", "$env:PG_PASSWROD"}}}}));
  EXPECT_EQ(secret.code, ErrorCode::secret_unresolvable);
  EXPECT_EQ(secret.message, "option connection.secret_ref: environment variable PG_PASSWROD is not set");
  EXPECT_EQ(error_of(with({{"connection", {{"url", "fake://app:${MISSING}@db"}}}})).code,
            ErrorCode::secret_unresolvable);
}

TEST_F(ConnectorBody, WarnsOfClearTextOnTheWireAndInTheStore) {
  EXPECT_EQ(warnings_of(with({{"connection", {{"tls", "disabled"}}}})),
            std::vector<std::string>{"connection.tls is disabled: passwords and rows travel in clear text"});
  const auto plain = warnings_of(with({{"connection", {{"url", "fake://app:hunter2@db"}, {"secret_ref", nullptr}}}}));
  ASSERT_EQ(plain.size(), 1u);
  EXPECT_TRUE(plain[0].starts_with("connection.url holds a secret in plain text")) << plain[0];
  EXPECT_EQ(plain[0].find("hunter2"), std::string::npos);
}

}  // namespace
}  // namespace weir::connector
