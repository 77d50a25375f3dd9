/// The life cycle of connectors.
#include "connector/fleet_fixture.h"

namespace weir::connector {
namespace {

using nlohmann::json;
using testing::FakeWorld;

class FleetLifeCycle : public testing::FleetTest {};

TEST_F(FleetLifeCycle, CreatesAttachesAndPersists) {
  const std::string id = create();
  EXPECT_EQ(id.size(), 36u);
  EXPECT_NE(observer->source("pg_prod"), nullptr);
  const auto rows = store.connectors().value();
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].id, id);
  EXPECT_EQ(rows[0].mode, "federation");
  EXPECT_EQ(rows[0].created_at, "2024-02-29T12:00:00.000000Z");
  EXPECT_EQ(json::parse(rows[0].body_json)["connection"]["secret_ref"], "$env:PG_PASSWORD");
  EXPECT_EQ(world->tested, 0) << "creating must not connect";
  EXPECT_EQ(events(), std::vector<std::string>{">federating: created"});
}

TEST_F(FleetLifeCycle, KeepsNothingOfARefusedBody) {
  json wrong = body();
  wrong["connection"]["secret_ref"] = "$env:MISSING";
  EXPECT_EQ(fleet->create(wrong).error().code, ErrorCode::secret_unresolvable);
  EXPECT_TRUE(store.connectors().value().empty());
  EXPECT_EQ(observer->count(), 0u);
  EXPECT_EQ(fleet->list(), json({{"items", json::array()}}));
}

TEST_F(FleetLifeCycle, RefusesANameThatIsTakenInAnyCase) {
  create("pg_prod");
  const auto again = fleet->create(body("PG_Prod"));
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, ErrorCode::already_exists);
  EXPECT_EQ(store.connectors().value().size(), 1u);
}

TEST_F(FleetLifeCycle, UndoesACreationThatTheStoreOrTheObserverRefuses) {
  store.refuses = true;
  EXPECT_EQ(fleet->create(body()).error().code, ErrorCode::disk_full);
  store.refuses = false;
  observer->refuses = true;
  EXPECT_EQ(fleet->create(body()).error().code, ErrorCode::already_exists);
  observer->refuses = false;
  EXPECT_TRUE(store.connectors().value().empty());
  EXPECT_EQ(world->alive, 0);
  create();
}

TEST_F(FleetLifeCycle, ShowsABodyWithSecretsMasked) {
  json plain = body();
  plain["connection"] = {{"url", "fake://app:hunter2@db"}, {"secret_ref", "hunter2"}};
  const auto saved = fleet->create(plain);
  ASSERT_TRUE(saved);
  EXPECT_EQ(saved->warnings.size(), 2u);
  const json shown = fleet->get(saved->id).value();
  EXPECT_EQ(shown["connection"]["url"], "fake://app:***@db");
  EXPECT_EQ(shown["connection"]["secret_ref"], "***");
  EXPECT_EQ(shown["paused"], json({{"federation", false}, {"sync", false}}));
  for (const json& document : {shown, fleet->list(), status(), fleet->catalog()}) {
    EXPECT_EQ(document.dump().find("hunter2"), std::string::npos) << document;
  }
}

TEST_F(FleetLifeCycle, OffersTheNearestNameForAnUnknownConnector) {
  create("pg_prod");
  const auto unknown = fleet->get("pg_prd");
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, ErrorCode::connector_not_found);
  EXPECT_EQ(unknown.error().hint, "did you mean 'pg_prod'?");
  EXPECT_EQ(fleet->pause("nope", Scope::all).error().code, ErrorCode::connector_not_found);
  EXPECT_EQ(fleet->resume("nope", Scope::all).error().code, ErrorCode::connector_not_found);
  EXPECT_EQ(fleet->remove("nope").error().code, ErrorCode::connector_not_found);
  EXPECT_EQ(fleet->status("nope").error().code, ErrorCode::connector_not_found);
  EXPECT_EQ(fleet->events("nope").error().code, ErrorCode::connector_not_found);
  EXPECT_EQ(fleet->update("nope", json::object()).error().code, ErrorCode::connector_not_found);
}

TEST_F(FleetLifeCycle, MergesAChangeAndReopens) {
  const std::string id = create();
  const auto attached = observer->source("pg_prod");
  const auto saved = fleet->update(id, {{"connection", {{"pool_size", 9}, {"tls", "disabled"}}}});
  ASSERT_TRUE(saved) << saved.error().to_string();
  EXPECT_EQ(saved->warnings.size(), 1u);
  EXPECT_EQ(observer->source("pg_prod"), attached) << "the catalog stays attached";
  EXPECT_EQ(attached->pool().max, 9);
  EXPECT_EQ(world->alive, 1) << "the old source is closed";
  EXPECT_EQ(fleet->get("pg_prod").value()["connection"]["secret_ref"], "$env:PG_PASSWORD");
  EXPECT_EQ(events().back(), "federating>federating: updated: connection.pool_size, connection.tls");
}

TEST_F(FleetLifeCycle, NullInAChangeRestoresTheDefault) {
  create();
  ASSERT_TRUE(fleet->update("pg_prod", {{"connection", {{"pool_size", 9}}}}));
  ASSERT_TRUE(fleet->update("pg_prod", {{"connection", {{"pool_size", nullptr}}}}));
  EXPECT_EQ(fleet->get("pg_prod").value()["connection"]["pool_size"], 5);
}

TEST_F(FleetLifeCycle, RunningReadsKeepTheOldSource) {
  create();
  const auto attached = observer->source("pg_prod");
  auto transaction = attached->begin(1).value();
  auto stream = transaction->read({}, {}).value();
  ASSERT_TRUE(fleet->update("pg_prod", {{"connection", {{"pool_size", 9}}}}));
  EXPECT_EQ(world->alive, 2);
  transaction.reset();
  EXPECT_EQ(stream->stats().rows, 7u);
  EXPECT_EQ(world->alive, 2);
  stream.reset();
  EXPECT_EQ(world->alive, 1);
}

TEST_F(FleetLifeCycle, ARefusedChangeChangesNothing) {
  create();
  const json before = fleet->get("pg_prod").value();
  EXPECT_EQ(fleet->update("pg_prod", {{"name", "other"}}).error().code, ErrorCode::invalid_option);
  EXPECT_EQ(fleet->update("pg_prod", {{"type", nullptr}}).error().code, ErrorCode::invalid_option);
  EXPECT_EQ(fleet->update("pg_prod", {{"mode", "both"}}).error().code, ErrorCode::not_available_yet);
  EXPECT_EQ(fleet->update("pg_prod", {{"connection", {{"pool_size", 99}}}}).error().code, ErrorCode::invalid_option);
  EXPECT_EQ(fleet->update("pg_prod", {{"connection", {{"secret_ref", "***"}}}}).error().code,
            ErrorCode::invalid_option);
  EXPECT_EQ(fleet->update("pg_prod", json::array()).error().code, ErrorCode::invalid_option);
  store.refuses = true;
  EXPECT_EQ(fleet->update("pg_prod", {{"connection", {{"pool_size", 9}}}}).error().code, ErrorCode::disk_full);
  EXPECT_EQ(fleet->get("pg_prod").value(), before);
  EXPECT_EQ(observer->source("pg_prod")->pool().max, 5);
}

TEST_F(FleetLifeCycle, AChangeOfNothingOpensNothing) {
  create();
  ASSERT_TRUE(fleet->update("pg_prod", {{"connection", {{"pool_size", 5}}}}));
  EXPECT_EQ(world->opened, 1);
  EXPECT_EQ(events().size(), 1u);
}

TEST_F(FleetLifeCycle, RemovesFromEverywhere) {
  const std::string id = create();
  metrics.connector_up("pg_prod", true);
  ASSERT_TRUE(fleet->remove("pg_prod"));
  EXPECT_FALSE(fleet->get(id));
  EXPECT_TRUE(store.connectors().value().empty());
  EXPECT_EQ(observer->count(), 0u);
  EXPECT_EQ(world->alive, 0);
  EXPECT_EQ(metrics.text().find("pg_prod"), std::string::npos);
  fleet->record_scan("pg_prod", testing::read_stats(1, 1), nullptr);
  EXPECT_EQ(metrics.text().find("pg_prod"), std::string::npos);
}

TEST_F(FleetLifeCycle, CountsACancelledScanInTheMetricsOnly) {
  create();
  const Error cancelled{ErrorCode::cancelled, "cancelled", "", ""};
  fleet->record_scan("pg_prod", testing::read_stats(1, 1), &cancelled);
  EXPECT_NE(metrics.text().find("weir_scans_total{connector=\"pg_prod\",outcome=\"cancelled\"} 1"), std::string::npos)
      << metrics.text();
  EXPECT_EQ(status()["federation"]["queries_total_5m"], 0);
}

TEST_F(FleetLifeCycle, KeepsAConnectorThatTheStoreCannotRemove) {
  create();
  store.refuses = true;
  EXPECT_EQ(fleet->remove("pg_prod").error().code, ErrorCode::disk_full);
  store.refuses = false;
  EXPECT_NE(observer->source("pg_prod"), nullptr);
  fleet->record_scan("pg_prod", testing::read_stats(1, 1), nullptr);
  EXPECT_EQ(status()["federation"]["queries_total_5m"], 1);
}

TEST_F(FleetLifeCycle, PausesFederationAloneAndRemembersIt) {
  create();
  ASSERT_TRUE(fleet->pause("pg_prod", Scope::federation));
  ASSERT_TRUE(fleet->pause("pg_prod", Scope::federation));
  const auto refused = fleet->may_read_live("pg_prod");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::source_disabled);
  EXPECT_EQ(refused.error().source, "pg_prod");
  EXPECT_EQ(events(),
            (std::vector<std::string>{">federating: created", "federating>paused: paused: scope federation"}));
  start();
  EXPECT_FALSE(fleet->may_read_live("pg_prod"));
  EXPECT_EQ(fleet->get("pg_prod").value()["paused"], json({{"federation", true}, {"sync", false}}));
  ASSERT_TRUE(fleet->resume("pg_prod", Scope::all));
  EXPECT_TRUE(fleet->may_read_live("pg_prod"));
}

TEST_F(FleetLifeCycle, PausingSyncLeavesFederationRunning) {
  create();
  ASSERT_TRUE(fleet->pause("pg_prod", Scope::sync));
  EXPECT_TRUE(fleet->may_read_live("pg_prod"));
  EXPECT_EQ(fleet->get("pg_prod").value()["paused"], json({{"federation", false}, {"sync", true}}));
  ASSERT_TRUE(fleet->pause("pg_prod", Scope::all));
  ASSERT_TRUE(fleet->resume("pg_prod", Scope::federation));
  EXPECT_EQ(fleet->get("pg_prod").value()["paused"], json({{"federation", false}, {"sync", true}}));
}

TEST_F(FleetLifeCycle, StartsAgainWithWhatWasStored) {
  const std::string id = create();
  start();
  EXPECT_EQ(fleet->get("pg_prod").value()["id"], id);
  EXPECT_NE(observer->source("pg_prod"), nullptr);
  EXPECT_TRUE(fleet->may_read_live("PG_PROD"));
}

TEST_F(FleetLifeCycle, OneThatCannotBeOpenedDoesNotStopTheOthers) {
  create("broken");
  create("other");
  variables["SOON_GONE"] = "x";
  ASSERT_TRUE(fleet->update("broken", {{"connection", {{"secret_ref", "$env:SOON_GONE"}}}}));
  variables.erase("SOON_GONE");
  start();
  EXPECT_TRUE(fleet->may_read_live("other"));
  const auto refused = fleet->may_read_live("broken");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::secret_unresolvable);
  EXPECT_EQ(observer->source("broken")->schema(false).error().code, ErrorCode::secret_unresolvable);
  const json document = status("broken");
  EXPECT_EQ(document["federation"]["status"], "errored");
  EXPECT_EQ(document["source"]["reachable"], false);
  EXPECT_NE(document["source"]["error"]["message"].get<std::string>().find("SOON_GONE"), std::string::npos);
  EXPECT_EQ(events("broken").back(),
            "federating>errored: secret_unresolvable: option connection.secret_ref: environment variable SOON_GONE is "
            "not set");
}

TEST_F(FleetLifeCycle, ResumeOpensAgainWhatCouldNotBeOpened) {
  create();
  world->set(&FakeWorld::open_error, Error{ErrorCode::invalid_option, "not now", "", ""});
  start();
  EXPECT_FALSE(fleet->may_read_live("pg_prod"));
  EXPECT_EQ(fleet->resume("pg_prod", Scope::all).error().code, ErrorCode::invalid_option);
  world->set(&FakeWorld::open_error, std::nullopt);
  ASSERT_TRUE(fleet->resume("pg_prod", Scope::all));
  EXPECT_TRUE(fleet->may_read_live("pg_prod"));
  EXPECT_EQ(observer->source("pg_prod")->pool().max, 5);
  EXPECT_EQ(events().back(), "errored>federating: opened again");
}

/// Remembers whose copies it keeps.
class RecordingDesk final : public SyncDesk {
 public:
  std::vector<std::string> keep(SyncOrder order) override {
    kept.push_back(order.spec.name + (order.paused ? " paused" : ""));
    return {};
  }
  void pause(const std::string&, bool) override {}
  Status stop(const std::string&, bool) override { return {}; }
  Status resync(const std::string&, const std::string&) override { return {}; }
  Result<json> verify(const std::string&, const std::string&, const std::stop_token&) override { return json(); }
  json status(const std::string&) const override { return {}; }
  std::vector<TableHealth> health(const std::string&) const override { return {}; }
  std::vector<plan::TableName> tables(const std::string&) const override { return {}; }
  std::optional<CopyState> copy(const std::string&, const plan::TableName&) const override { return {}; }
  Status wait(const std::string&, const plan::TableName&, const FreshnessDemand&, std::chrono::milliseconds,
              const std::function<bool()>&) const override {
    return {};
  }
  std::vector<std::string> stalled() const override { return {}; }

  std::vector<std::string> kept;
};

TEST_F(FleetLifeCycle, ResumeKeepsTheCopyOfWhatCouldNotBeOpened) {
  Type both = testing::fake_type(world);
  both.modes = {Mode::federation, Mode::both};
  fleet.reset();
  registry = Registry({both});
  start();
  json wanted = body();
  wanted["mode"] = "both";
  ASSERT_TRUE(fleet->create(wanted));
  world->set(&FakeWorld::open_error, Error{ErrorCode::secret_unresolvable, "not there yet", "", ""});
  start();
  RecordingDesk desk;
  fleet->keep_copies(desk);
  EXPECT_TRUE(desk.kept.empty());
  world->set(&FakeWorld::open_error, std::nullopt);
  ASSERT_TRUE(fleet->resume("pg_prod", Scope::all));
  EXPECT_EQ(desk.kept, std::vector<std::string>{"pg_prod"});
  fleet->stop_copies();
}

TEST_F(FleetLifeCycle, KeepsARowThatItCannotRead) {
  ASSERT_TRUE(store.put_connector({.id = "1",
                                   .name = "odd",
                                   .type = "gone",
                                   .mode = "federation",
                                   .body_json = "{\"secret\":\"hunter2\"",
                                   .created_at = ""}));
  start();
  EXPECT_EQ(fleet->may_read_live("odd").error().code, ErrorCode::data_dir_damaged);
  EXPECT_EQ(fleet->get("odd").value()["name"], "odd");
  EXPECT_EQ(status("odd")["federation"]["status"], "errored");
  EXPECT_FALSE(fleet->update("odd", {{"mode", "federation"}}));
  EXPECT_TRUE(fleet->remove("odd"));
}

TEST_F(FleetLifeCycle, ListsTypesWithTheirSchema) {
  const json item = fleet->catalog()["items"][0];
  EXPECT_EQ(item["type"], "fake");
  EXPECT_EQ(item["modes"], json({"federation"}));
  EXPECT_EQ(item["schema"]["properties"]["connection"]["properties"]["pool_size"]["maximum"], 50);
}

}  // namespace
}  // namespace weir::connector
