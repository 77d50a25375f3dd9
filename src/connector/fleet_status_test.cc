/// What the fleet tells of its connectors.
#include "connector/fleet_fixture.h"

namespace weir::connector {
namespace {

using nlohmann::json;
using std::chrono::seconds;
using testing::FakeWorld;

class FleetStatus : public testing::FleetTest {
 protected:
  FleetStatus() { create(); }

  void scan(double duration_ms, std::optional<ErrorCode> code = std::nullopt) {
    const Error error{code.value_or(ErrorCode::internal), "cannot reach postgres://app:hunter2@db", "", ""};
    fleet->record_scan("pg_prod", testing::read_stats(duration_ms, 10), code ? &error : nullptr);
  }
  void pass(seconds time) { now = now.load() + time; }
};

TEST_F(FleetStatus, IsTheDocumentOfTheSeed) {
  for (int i = 0; i < 98; i++) scan(14);
  for (int i = 0; i < 2; i++) scan(230);
  const json document = status();
  EXPECT_EQ(document["name"], "pg_prod");
  EXPECT_EQ(document["type"], "fake");
  EXPECT_EQ(document["mode"], "federation");
  EXPECT_EQ(document["source"]["reachable"], true);
  EXPECT_EQ(document["source"]["version"], "Fake 15.4");
  EXPECT_EQ(document["source"]["last_health_check"], "2024-02-29T12:00:00.000000Z");
  const json& federation = document["federation"];
  EXPECT_EQ(federation["status"], "healthy");
  EXPECT_EQ(federation["pool_in_use"], 1);
  EXPECT_EQ(federation["pool_max"], 5);
  EXPECT_NEAR(federation["p50_query_ms"].get<double>(), 14, 0.7);
  EXPECT_NEAR(federation["p99_query_ms"].get<double>(), 230, 12);
  EXPECT_EQ(federation["queries_total_5m"], 100);
  EXPECT_EQ(federation["errors_5m"], 0);
  EXPECT_EQ(federation["last_error"], nullptr);
  EXPECT_EQ(document["sync"], json({{"status", "disabled"}}));
}

TEST_F(FleetStatus, HasNoQuantilesBeforeAQuery) { EXPECT_EQ(status()["federation"]["p50_query_ms"], nullptr); }

TEST_F(FleetStatus, ConnectsAtMostOnceInTenSeconds) {
  status();
  status();
  pass(seconds(9));
  status();
  EXPECT_EQ(world->tested, 1);
  pass(seconds(1));
  status();
  EXPECT_EQ(world->tested, 2);
}

TEST_F(FleetStatus, DoesNotConnectWhilePaused) {
  ASSERT_TRUE(fleet->pause("pg_prod", Scope::all));
  EXPECT_EQ(status()["federation"]["status"], "paused");
  EXPECT_EQ(status()["source"]["reachable"], nullptr);
  EXPECT_EQ(world->tested, 0);
}

TEST_F(FleetStatus, WritesOneEventForAnErrorsOnsetAndOneForItsEnd) {
  for (int i = 0; i < 5; i++) scan(1, ErrorCode::source_unreachable);
  for (int i = 0; i < 5; i++) scan(1);
  EXPECT_EQ(events(),
            (std::vector<std::string>{">federating: created",
                                      "federating>errored: source_unreachable: cannot reach postgres://app:***@db",
                                      "errored>federating: recovered"}));
}

TEST_F(FleetStatus, ShowsEventsThatWaitForRoomOnTheDisk) {
  const std::vector<std::string> all = {">federating: created",
                                        "federating>errored: source_unreachable: cannot reach postgres://app:***@db",
                                        "errored>federating: recovered"};
  store.refuses = true;
  scan(1, ErrorCode::source_unreachable);
  scan(1);
  EXPECT_EQ(events(), all);
  store.refuses = false;
  EXPECT_EQ(events(), all) << "once, and in their order";
  store.refuses = true;
  EXPECT_EQ(events(), all) << "they are in the store";
}

TEST_F(FleetStatus, AFailedHealthCheckBeginsTheErrorPhase) {
  world->set(&FakeWorld::test_error, Error{ErrorCode::source_auth_failed, "password refused", "", ""});
  const json document = status();
  EXPECT_EQ(document["source"]["reachable"], false);
  EXPECT_EQ(document["source"]["error"]["code"], "source_auth_failed");
  EXPECT_EQ(document["federation"]["status"], "errored");
  EXPECT_EQ(document["federation"]["last_error"], "source_auth_failed: password refused");
  EXPECT_TRUE(fleet->may_read_live("pg_prod")) << "the next read tries again";
  world->set(&FakeWorld::test_error, std::nullopt);
  pass(seconds(10));
  EXPECT_EQ(status()["federation"]["status"], "healthy");
  EXPECT_EQ(events().size(), 3u);
}

TEST_F(FleetStatus, NeverShowsAPasswordOfAnError) {
  scan(1, ErrorCode::source_unreachable);
  world->set(&FakeWorld::test_error, Error{ErrorCode::source_unreachable, "password=hunter2 refused", "", ""});
  EXPECT_EQ(status().dump().find("hunter2"), std::string::npos);
  EXPECT_EQ(fleet->health()[0].last_error.find("hunter2"), std::string::npos);
  EXPECT_EQ(fleet->test(body()).value().dump().find("hunter2"), std::string::npos);
}

TEST_F(FleetStatus, KeepsTheNewestHundredEvents) {
  for (int i = 0; i < 80; i++) {
    scan(1, ErrorCode::source_unreachable);
    scan(1);
  }
  EXPECT_EQ(fleet->events("pg_prod").value().size(), 100u);
}

TEST_F(FleetStatus, GivesARowOfHealthForEveryConnector) {
  create("another");
  ASSERT_TRUE(fleet->pause("another", Scope::all));
  scan(1, ErrorCode::source_connection_lost);
  const auto rows = fleet->health();
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].connector_name, "another");
  EXPECT_EQ(rows[0].phase, "paused");
  EXPECT_EQ(rows[1].phase, "errored");
  EXPECT_EQ(rows[1].pool_max, 5);
  EXPECT_EQ(rows[1].mode, "federation");
  EXPECT_EQ(rows[1].lag_seconds, std::nullopt);
}

TEST_F(FleetStatus, ShowsWarnings) {
  ASSERT_TRUE(fleet->update("pg_prod", {{"connection", {{"tls", "disabled"}}}}));
  EXPECT_EQ(status()["warnings"], json({"connection.tls is disabled: passwords and rows travel in clear text"}));
}

TEST_F(FleetStatus, TestsAConnectionWithoutKeepingIt) {
  json unnamed = body();
  unnamed.erase("name");
  EXPECT_EQ(fleet->test(unnamed).value(),
            json::parse(R"({"reachable":true,"version":"Fake 15.4","tls":true,"round_trip_ms":1.25,"warnings":[]})"));
  world->set(&FakeWorld::test_error, Error{ErrorCode::source_unreachable, "nobody answers", "", ""});
  const json failed = fleet->test(unnamed).value();
  EXPECT_EQ(failed["reachable"], false);
  EXPECT_EQ(failed["error"]["code"], "source_unreachable");
  EXPECT_EQ(fleet->test({{"type", "fake"}}).error().code, ErrorCode::invalid_option);
  EXPECT_EQ(fleet->list()["items"].size(), 1u);
}

TEST_F(FleetStatus, PublishesPoolsAndContactsAsMetrics) {
  EXPECT_NE(metrics.text().find("weir_connector_pool_connections{connector=\"pg_prod\",state=\"in_use\"} 1"),
            std::string::npos);
  scan(1);
  EXPECT_NE(metrics.text().find("weir_connector_up{connector=\"pg_prod\"} 1"), std::string::npos);
  scan(1, ErrorCode::source_unreachable);
  EXPECT_NE(metrics.text().find("weir_connector_up{connector=\"pg_prod\"} 0"), std::string::npos);
}

}  // namespace
}  // namespace weir::connector
