/// Routes, tokens and roles over a socket.
#include "server/server_fixture.h"

namespace weir::server {
namespace {

using testing::Answer;
using testing::RawClient;
using testing::ServerTest;

const std::string kJson = "Content-Type: application/json\r\n";
const std::string kSql = "Content-Type: application/sql\r\n";

TEST_F(ServerTest, AnUnknownPathIsNotFound) {
  start();
  const Answer answer = ask("GET", "/v1/nothing");
  EXPECT_EQ(answer.status, 404);
  EXPECT_EQ(answer.error_code(), "route_not_found");
}

TEST_F(ServerTest, AWrongMethodIsToldTheRightOnes) {
  start();
  const Answer answer = ask("OPTIONS", "/v1/query");
  EXPECT_EQ(answer.status, 405);
  EXPECT_EQ(answer.fields.at("allow"), "POST");
}

TEST_F(ServerTest, EchoesTheRequestId) {
  start();
  const Answer answer = ask("GET", "/v1/nothing", "", "X-Request-ID: trace-7\r\n");
  EXPECT_EQ(answer.fields.at("x-request-id"), "trace-7");
  EXPECT_EQ(answer.json().at("error").at("request_id"), "trace-7");
}

TEST_F(ServerTest, RefusesABodyOfAnotherType) {
  start();
  EXPECT_EQ(ask("POST", "/v1/query", "select 1", "Content-Type: text/plain\r\n").status, 415);
  EXPECT_EQ(ask("POST", "/v1/query", "select 1").status, 415);
}

TEST_F(ServerTest, RefusesAFormatThatItCannotWrite) {
  start();
  EXPECT_EQ(ask("POST", "/v1/query", "select 1", kSql + "Accept: text/html\r\n").status, 406);
}

TEST_F(ServerTest, RefusesUnknownParameters) {
  start();
  const Answer answer = ask("POST", "/v1/query?max_row=1", "select 1", kSql);
  EXPECT_EQ(answer.error_code(), "unknown_option");
  EXPECT_NE(answer.body.find("max_rows"), std::string::npos);
}

TEST_F(ServerTest, PassesLimitsOn) {
  start();
  engine.script("select 1", {});
  EXPECT_EQ(ask("POST", "/v1/query?max_rows=5&timeout_ms=100", "select 1", kSql).status, 200);
  EXPECT_EQ(engine.last_request().limits.rows_max, 5);
  EXPECT_EQ(engine.last_request().limits.time_max, std::chrono::milliseconds(100));
}

TEST_F(ServerTest, PagesOfOtherSitesAreRefusedWithoutTokens) {
  start();
  const Answer answer = ask("POST", "/v1/connectors/x/pause", "", "Origin: http://evil.example\r\n");
  EXPECT_EQ(answer.status, 403);
  EXPECT_EQ(answer.error_code(), "statement_not_allowed");
}

TEST_F(ServerTest, AConnectorIsRegisteredReadChangedAndRemoved) {
  start();
  const Answer created = register_source("pg_prod");
  ASSERT_EQ(created.status, 201) << created.body;
  const std::string id = created.json().at("id");
  EXPECT_EQ(created.fields.at("location"), "/v1/connectors/" + id);
  EXPECT_EQ(ask("GET", "/v1/connectors").json().at("items").size(), 1);
  EXPECT_EQ(ask("GET", "/v1/connectors/" + id).json().at("name"), "pg_prod");
  const Answer changed = ask("PATCH", "/v1/connectors/pg_prod", R"({"connection":{"pool_size":3}})", kJson);
  EXPECT_EQ(changed.json().at("connection").at("pool_size"), 3) << changed.body;
  EXPECT_EQ(ask("GET", "/v1/connectors/pg_prod/status").json().at("id"), id);
  EXPECT_TRUE(ask("GET", "/v1/connectors/pg_prod/events").json().at("items").is_array());
  const Answer removed = ask("DELETE", "/v1/connectors/pg_prod");
  EXPECT_EQ(removed.status, 204);
  EXPECT_EQ(removed.body, "");
  EXPECT_EQ(ask("GET", "/v1/connectors/pg_prod").error_code(), "connector_not_found");
}

TEST_F(ServerTest, TheCatalogGoesBeforeAConnectorOfThatName) {
  start();
  EXPECT_EQ(ask("GET", "/v1/connectors/catalog").json().at("items")[0].at("type"), "fake");
}

TEST_F(ServerTest, AConnectionIsTestedWithoutBeingSaved) {
  start();
  const Answer answer =
      ask("POST", "/v1/connectors/test-connection",
          R"({"name":"x","type":"fake","mode":"federation","connection":{"url":"fake://db"}})", kJson);
  EXPECT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(answer.json().at("reachable"), true);
  EXPECT_TRUE(ask("GET", "/v1/connectors").json().at("items").empty());
}

TEST_F(ServerTest, PausesAndResumesAScope) {
  start();
  register_source("pg_prod");
  EXPECT_EQ(ask("POST", "/v1/connectors/pg_prod/pause?scope=federation").json().at("paused").at("federation"), true);
  EXPECT_EQ(ask("POST", "/v1/connectors/pg_prod/resume").json().at("paused").at("federation"), false);
  EXPECT_EQ(ask("POST", "/v1/connectors/pg_prod/pause?scope=half").error_code(), "invalid_option");
  EXPECT_EQ(ask("POST", "/v1/connectors/nobody/pause").error_code(), "connector_not_found");
}

TEST_F(ServerTest, WhatIsPlannedSaysSo) {
  start();
  for (const char* path : {"/v1/ingest", "/v1/pipelines"}) {
    const Answer answer = ask("POST", path);
    EXPECT_EQ(answer.status, 501) << path;
    EXPECT_EQ(answer.error_code(), "not_available_yet") << path;
  }
  EXPECT_EQ(ask("POST", "/v1/query", "T", "Content-Type: application/x-kql\r\n").status, 501);
}

TEST_F(ServerTest, WithTokensOnlyHealthAndReadinessAreOpen) {
  start_with_tokens();
  EXPECT_EQ(ask("GET", "/health").status, 200);
  EXPECT_EQ(ask("GET", "/ready").status, 200);
  EXPECT_EQ(ask("GET", "/metrics").status, 200) << "the address is a loopback one";
  for (const char* path : {"/v1/connectors", "/v1/queries", "/v1/catalog/schema"}) {
    const Answer answer = ask("GET", path);
    EXPECT_EQ(answer.status, 401) << path;
    EXPECT_EQ(answer.fields.at("www-authenticate"), "Bearer") << path;
  }
}

TEST_F(ServerTest, IsNotReadyOnceTheEngineHasStopped) {
  start();
  EXPECT_EQ(ask("GET", "/ready").status, 200);
  engine.has_stopped = true;
  const Answer answer = ask("GET", "/ready");
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.json().at("reasons"), nlohmann::json({"engine_stopped"}));
  EXPECT_EQ(ask("GET", "/health").status, 200);
}

TEST_F(ServerTest, ABodyIsNotReadForSomebodyUnknown) {
  start_with_tokens();
  RawClient one = client();
  one.send(
      "POST /v1/query HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/sql\r\nContent-Length: 1000\r\n\r\n");
  EXPECT_EQ(one.answer().status, 401);
}

TEST_F(ServerTest, ConnectorsAreChangedByAdminsOnly) {
  start_with_tokens();
  EXPECT_EQ(register_source("pg_shop", bearer(kReadToken)).status, 403);
  EXPECT_EQ(register_source("pg_shop", bearer(kWriteToken)).error_code(), "statement_not_allowed");
  EXPECT_EQ(register_source("pg_shop", bearer(kAdminToken)).status, 201);
  EXPECT_EQ(ask("GET", "/v1/connectors/pg_shop", "", bearer(kReadToken)).status, 200);
}

TEST_F(ServerTest, AConfinedTokenSeesItsConnectorsOnly) {
  start_with_tokens();
  register_source("pg_shop", bearer(kAdminToken));
  const std::string hidden = register_source("pg_prod", bearer(kAdminToken)).json().at("id");
  const auto items = ask("GET", "/v1/connectors", "", bearer(kShopToken)).json().at("items");
  ASSERT_EQ(items.size(), 1);
  EXPECT_EQ(items[0].at("name"), "pg_shop");
  EXPECT_EQ(ask("GET", "/v1/connectors/pg_shop/status", "", bearer(kShopToken)).status, 200);
  for (const char* path :
       {"/v1/connectors/pg_prod", "/v1/connectors/pg_prod/status", "/v1/connectors/pg_prod/events"}) {
    EXPECT_EQ(ask("GET", path, "", bearer(kShopToken)).error_code(), "connector_not_found") << path;
  }
  EXPECT_EQ(ask("GET", "/v1/connectors/" + hidden, "", bearer(kShopToken)).error_code(), "connector_not_found");
}

TEST_F(ServerTest, AConfinedTokenIsOfferedNamesThatItMaySee) {
  start_with_tokens();
  register_source("pg_shop", bearer(kAdminToken));
  register_source("pg_prod", bearer(kAdminToken));
  const auto refused = [&](const std::string& name, const char* token) {
    return ask("GET", "/v1/connectors/" + name + "/status", "", bearer(token)).json().at("error");
  };
  EXPECT_EQ(refused("pg_prot", kReadToken).at("hint"), "did you mean 'pg_prod'?");
  EXPECT_EQ(refused("pg_shpo", kShopToken).at("hint"), "did you mean 'pg_shop'?");
  EXPECT_EQ(refused("pg_prot", kShopToken).dump().find("pg_prod"), std::string::npos);
  // One that is there but hidden answers word for word as one that is not.
  EXPECT_EQ(refused("pg_prod", kShopToken).at("message"), "no connector has the id or name 'pg_prod'");
  EXPECT_EQ(refused("pg_none", kShopToken).at("message"), "no connector has the id or name 'pg_none'");
  EXPECT_EQ(refused("pg_prod", kShopToken).at("hint"), refused("pg_none", kShopToken).at("hint"));
}

TEST_F(ServerTest, ARegistrationAnswersItsWarnings) {
  start();
  EXPECT_EQ(register_source("pg_prod").json().at("warnings"), nlohmann::json::array());
  const Answer plain =
      ask("POST", "/v1/connectors",
          R"({"name":"plain","type":"fake","mode":"federation","connection":{"url":"fake://user:hunter2@db"}})", kJson);
  ASSERT_EQ(plain.status, 201) << plain.body;
  EXPECT_EQ(plain.json().at("warnings").size(), 1) << plain.body;
  const Answer changed =
      ask("PATCH", "/v1/connectors/pg_prod", R"({"connection":{"url":"fake://user:hunter2@db"}})", kJson);
  EXPECT_EQ(changed.json().at("warnings").size(), 1) << changed.body;
  EXPECT_EQ(changed.body.find("hunter2"), std::string::npos);
}

TEST_F(ServerTest, QueriesRunAsTheTokensRole) {
  start_with_tokens();
  engine.script("select 1", {});
  EXPECT_EQ(ask("POST", "/v1/query", "select 1", kSql + bearer(kShopToken)).status, 200);
  EXPECT_EQ(engine.last_request().principal.role, engine::Role::read);
  EXPECT_EQ(engine.last_request().principal.schemas, std::vector<std::string>{"PG_Shop"});
}

TEST_F(ServerTest, OnlyAdminsSeeAndCancelQueriesOfOthers) {
  start_with_tokens();
  engine.script("select 1", {});
  ask("POST", "/v1/query", "select 1", kSql + bearer(kWriteToken));
  EXPECT_EQ(ask("GET", "/v1/queries", "", bearer(kReadToken)).json().at("items").size(), 0);
  EXPECT_EQ(ask("DELETE", "/v1/queries/query-1", "", bearer(kReadToken)).error_code(), "query_not_found");
  EXPECT_EQ(ask("GET", "/v1/queries", "", bearer(kWriteToken)).json().at("items").size(), 1);
  EXPECT_EQ(ask("GET", "/v1/queries", "", bearer(kAdminToken)).json().at("items").size(), 1);
}

TEST_F(ServerTest, TokensReachNeitherLogNorMetrics) {
  ::testing::internal::CaptureStderr();
  start_with_tokens();
  ask("GET", "/v1/connectors?token=" + std::string(kAdminToken), "", bearer(kAdminToken));
  ask("GET", "/v1/connectors", "", "Authorization: Bearer " + std::string(kAdminToken) + "x\r\n");
  const std::string text = ask("GET", "/metrics").body;
  stop();
  const std::string log = ::testing::internal::GetCapturedStderr();
  EXPECT_NE(log.find("path=/v1/connectors"), std::string::npos) << log;
  EXPECT_EQ(log.find(kAdminToken), std::string::npos) << log;
  EXPECT_EQ(text.find(kAdminToken), std::string::npos);
}

TEST_F(ServerTest, TheSchemaIsAskedForAsTheCaller) {
  start_with_tokens();
  EXPECT_EQ(ask("GET", "/v1/catalog/schema", "", bearer(kReadToken)).json().at("asked_by"), "token-line-1");
}

}  // namespace
}  // namespace weir::server
