#include "connectors/postgres/postgres_options.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace weir::postgres {
namespace {

using nlohmann::json;

json body_of(json connection) {
  connection["url"] = "postgres://app@db.example.com:5432/app";
  return {{"name", "pg_prod"}, {"type", "postgres"}, {"connection", std::move(connection)}};
}

Result<PostgresOptions> read(const json& body) {
  return read_options(WEIR_TRY(options::validate(postgres_option_group(), body)));
}

TEST(PostgresOptions, TakesTheBodyOfTheFirstRegistration) {
  const auto options = read(json::parse(R"({
    "name": "pg_prod", "type": "postgres", "mode": "both",
    "connection": {"url": "postgres://app@prod-rds.example.com:5432/app", "secret_ref": "$env:PG_PROD_PASSWORD",
                   "tls": "required", "pool_size": 10},
    "scope": {"include_schemas": ["public", "billing"]},
    "sync": {"tables": ["public.users", "billing.invoices"]}})"));
  ASSERT_TRUE(options) << options.error().to_string();
  EXPECT_EQ(options->url, "postgres://app@prod-rds.example.com:5432/app");
  EXPECT_EQ(options->secret_ref, "$env:PG_PROD_PASSWORD");
  EXPECT_EQ(options->tls, Tls::required);
  EXPECT_EQ(options->pool_size, 10);
  EXPECT_EQ(options->include_schemas, (std::vector<std::string>{"public", "billing"}));
  EXPECT_EQ(options->sync_tables, (std::vector<std::string>{"public.users", "billing.invoices"}));
}

TEST(PostgresOptions, HasTheDocumentedDefaults) {
  const auto options = read(body_of(json::object()));
  ASSERT_TRUE(options) << options.error().to_string();
  EXPECT_EQ(options->tls, Tls::required);
  EXPECT_EQ(options->pool_size, 5);
  EXPECT_EQ(options->schema_cache, std::chrono::seconds(300));
  EXPECT_EQ(options->types.numeric_mode.form, NumericMode::Form::decimal);
  EXPECT_EQ(options->types.array_mode, ArrayMode::list);
}

TEST(PostgresOptions, BindsEveryOptionThatItDeclares) {
  const auto& group = postgres_option_group();
  const auto validated = options::validate(group, body_of({{"tls", "verify-full"}, {"pool_size", 7}}));
  ASSERT_TRUE(validated);
  EXPECT_EQ(unbound_options(), std::vector<std::string>());
  EXPECT_EQ(read_options(*validated)->tls, Tls::verify_full);
}

TEST(PostgresOptions, OffersTheNearestNameForAnUnknownOption) {
  const auto options = read(body_of({{"pol_size", 3}}));
  ASSERT_FALSE(options);
  EXPECT_EQ(options.error().code, ErrorCode::unknown_option);
  EXPECT_NE(options.error().to_string().find("pool_size"), std::string::npos);
}

TEST(PostgresOptions, RefusesWhatIsOutsideItsBounds) {
  EXPECT_EQ(read(body_of({{"pool_size", 51}})).error().code, ErrorCode::invalid_option);
  EXPECT_EQ(read(body_of({{"pool_size", 0}})).error().code, ErrorCode::invalid_option);
  EXPECT_EQ(read(body_of({{"tls", "prefer"}})).error().code, ErrorCode::invalid_option);
  EXPECT_EQ(read(body_of({{"numeric_mode", "decimal(39,2)"}})).error().code, ErrorCode::invalid_option);
}

TEST(PostgresOptions, RefusesARootCertificateThatIsNotThere) {
  const auto options = read(body_of({{"tls_root_cert", "/nonexistent/ca.pem"}}));
  ASSERT_FALSE(options);
  EXPECT_EQ(options.error().code, ErrorCode::invalid_option);
  EXPECT_NE(options.error().message.find("/nonexistent/ca.pem"), std::string::npos);
}

TEST(PostgresOptions, RefusesARootCertificateWithoutTls) {
  EXPECT_EQ(read(body_of({{"tls", "disabled"}, {"tls_root_cert", "/etc/hostname"}})).error().code,
            ErrorCode::invalid_option);
}

TEST(PostgresOptions, WantsTableNamesWithTheirSchema) {
  json body = body_of(json::object());
  body["sync"]["tables"] = {"users"};
  const auto options = read(body);
  ASSERT_FALSE(options);
  EXPECT_NE(options.error().hint.find("public.users"), std::string::npos);
}

TEST(InScope, TakesEverySchemaByDefault) { EXPECT_TRUE(in_scope({}, {"billing", "invoices"})); }

TEST(InScope, KeepsToTheIncludedSchemas) {
  PostgresOptions options;
  options.include_schemas = {"public"};
  EXPECT_TRUE(in_scope(options, {"public", "users"}));
  EXPECT_FALSE(in_scope(options, {"billing", "invoices"}));
}

TEST(InScope, ExcludesByNameAndByWildcard) {
  PostgresOptions options;
  options.exclude_tables = {"public.secrets", "public.audit_*", "*.tmp_*_old"};
  EXPECT_FALSE(in_scope(options, {"public", "secrets"}));
  EXPECT_TRUE(in_scope(options, {"public", "secrets2"}));
  EXPECT_FALSE(in_scope(options, {"public", "audit_2024"}));
  EXPECT_FALSE(in_scope(options, {"billing", "tmp_x_old"}));
  EXPECT_TRUE(in_scope(options, {"billing", "tmp_x"}));
}

}  // namespace
}  // namespace weir::postgres
