/// The engine: one database, the fleet's connectors in it, and the queries that run.
#include "engine/engine.h"

#include <duckdb/main/valid_checker.hpp>

#include "base/deadlines.h"
#include "engine/catalog_schema.h"
#include "engine/database.h"
#include "engine/duck_session.h"
#include "engine/errors.h"
#include "engine/query_log.h"
#include "engine/remote_catalog.h"
#include "engine/running_query.h"
#include "engine/system_tables.h"

namespace weir::engine {
namespace {

class DuckEngine final : public Engine, public connector::FleetObserver {
 public:
  DuckEngine(const EngineOptions& options, lake::Committer& committer, telemetry::Metrics& metrics)
      : committer_(committer), metrics_(metrics), log_(options.queries_running_max, options.queries_kept) {}

  Status open(const EngineOptions& options, const lake::DataDirectory& directory, connector::Fleet& fleet) {
    auto extend = [&](duckdb::DatabaseInstance& instance) {
      register_federation(instance, desk_of(fleet), options);
      register_system_tables(instance, {.health = [&fleet] { return fleet.health(); },
                                        .connectors = [&fleet] { return fleet.list(); },
                                        .queries = [this] { return log_.lines(); }});
    };
    database_ = WEIR_TRY(Database::open(options, directory, extend));
    return fleet.start(*this);
  }

  Result<std::unique_ptr<Query>> start(const QueryRequest& request) override {
    return RunningQuery::start({*database_, committer_, metrics_, log_, deadlines_}, request);
  }
  Result<std::unique_ptr<lake::SqlSession>> open_session() override {
    auto connection = WEIR_TRY(guarded({}, [&] { return database_->connect_inside(); }));
    return std::make_unique<OwnSession>(std::move(connection));
  }
  std::vector<QueryLine> queries() const override { return log_.lines(); }
  std::optional<std::chrono::system_clock::time_point> oldest_running() const override { return log_.oldest_running(); }
  Status cancel(const std::string& query_id) override { return log_.cancel(query_id); }
  bool stopped() const override { return duckdb::ValidChecker::IsInvalidated(database_->instance()); }
  void drain(std::chrono::milliseconds limit) override { log_.drain(limit); }

  Result<nlohmann::json> catalog_schema(const Principal& principal) override {
    auto connection = database_->connect(principal);
    return describe_catalogs(*connection->context, AllowList(principal, database_->allow_dirs()));
  }

  Status attached(const connector::Spec& spec, std::shared_ptr<connector::Source> source) override {
    return attach_connector(database_->instance(), spec, std::move(source));
  }
  void detached(const std::string& name) override { detach_connector(database_->instance(), name); }

 private:
  lake::Committer& committer_;
  telemetry::Metrics& metrics_;
  QueryLog log_;
  Deadlines deadlines_;
  std::unique_ptr<Database> database_;
};

}  // namespace

Result<std::unique_ptr<Engine>> Engine::open(const EngineOptions& options, const lake::DataDirectory& directory,
                                             connector::Fleet& fleet, lake::Committer& committer,
                                             telemetry::Metrics& metrics) {
  auto engine = std::make_unique<DuckEngine>(options, committer, metrics);
  WEIR_TRY(engine->open(options, directory, fleet));
  return std::unique_ptr<Engine>(std::move(engine));
}

}  // namespace weir::engine
