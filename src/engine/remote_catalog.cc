#include "engine/remote_catalog.h"

#include <duckdb/catalog/catalog.hpp>
#include <duckdb/main/attached_database.hpp>
#include <duckdb/main/database_manager.hpp>
#include <duckdb/main/extension/extension_loader.hpp>
#include <duckdb/parser/parsed_data/attach_info.hpp>
#include <duckdb/storage/database_size.hpp>
#include <duckdb/storage/storage_extension.hpp>

#include "engine/average.h"
#include "engine/dynamic_filters.h"
#include "engine/live.h"
#include "engine/pushdown_rule.h"
#include "engine/remote_connector.h"
#include "engine/remote_relation.h"
#include "engine/remote_transaction.h"
#include "engine/snapshot_scan.h"
#include "engine/switch_setting.h"
#include "telemetry/log.h"

namespace weir::engine {
namespace {

class RemoteCatalog final : public duckdb::Catalog {
 public:
  RemoteCatalog(duckdb::AttachedDatabase& database, std::shared_ptr<const RemoteConnector> connector)
      : Catalog(database), cache_(*this, std::move(connector)) {}

  SchemaCache& cache() { return cache_; }

  void Initialize(bool) override {}
  duckdb::string GetCatalogType() override { return kCatalogType; }
  duckdb::string GetDefaultSchema() const override { return "public"; }
  /// Plans that were prepared before the source's schema was read anew are bound again.
  duckdb::optional_idx GetCatalogVersion(duckdb::ClientContext&) override { return cache_.version(); }
  bool InMemory() override { return true; }
  duckdb::string GetDBPath() override { return ""; }
  duckdb::DatabaseSize GetDatabaseSize(duckdb::ClientContext&) override { return {}; }

  duckdb::optional_ptr<duckdb::SchemaCatalogEntry> LookupSchema(duckdb::CatalogTransaction transaction,
                                                                const duckdb::EntryLookupInfo& lookup,
                                                                duckdb::OnEntryNotFound missing) override {
    if (auto* schema = RemoteTransaction::of(transaction).schema(transaction.GetContext(), lookup)) return schema;
    if (missing == duckdb::OnEntryNotFound::RETURN_NULL) return nullptr;
    throw duckdb::CatalogException("no schema " + lookup.GetEntryName() + " in " + cache_.connector().name);
  }
  void ScanSchemas(duckdb::ClientContext& client, std::function<void(duckdb::SchemaCatalogEntry&)> visit) override {
    RemoteTransaction::of(client, *this).list(client, visit);
  }

  duckdb::optional_ptr<duckdb::CatalogEntry> CreateSchema(duckdb::CatalogTransaction,
                                                          duckdb::CreateSchemaInfo&) override {
    refuse("CREATE SCHEMA");
  }
  void DropSchema(duckdb::ClientContext&, duckdb::DropInfo&) override { refuse("DROP SCHEMA"); }
  duckdb::PhysicalOperator& PlanCreateTableAs(duckdb::ClientContext&, duckdb::PhysicalPlanGenerator&,
                                              duckdb::LogicalCreateTable&, duckdb::PhysicalOperator&) override {
    refuse("CREATE TABLE AS");
  }
  duckdb::PhysicalOperator& PlanInsert(duckdb::ClientContext&, duckdb::PhysicalPlanGenerator&, duckdb::LogicalInsert&,
                                       duckdb::optional_ptr<duckdb::PhysicalOperator>) override {
    refuse("INSERT");
  }
  duckdb::PhysicalOperator& PlanDelete(duckdb::ClientContext&, duckdb::PhysicalPlanGenerator&, duckdb::LogicalDelete&,
                                       duckdb::PhysicalOperator&) override {
    refuse("DELETE");
  }
  duckdb::PhysicalOperator& PlanUpdate(duckdb::ClientContext&, duckdb::PhysicalPlanGenerator&, duckdb::LogicalUpdate&,
                                       duckdb::PhysicalOperator&) override {
    refuse("UPDATE");
  }
  duckdb::PhysicalOperator& PlanMergeInto(duckdb::ClientContext&, duckdb::PhysicalPlanGenerator&,
                                          duckdb::LogicalMergeInto&, duckdb::PhysicalOperator&) override {
    refuse("MERGE");
  }
  duckdb::unique_ptr<duckdb::LogicalOperator> BindCreateIndex(duckdb::Binder&, duckdb::CreateStatement&,
                                                              duckdb::TableCatalogEntry&,
                                                              duckdb::unique_ptr<duckdb::LogicalOperator>) override {
    refuse("CREATE INDEX");
  }

 private:
  [[noreturn]] void refuse(const char* what) const { refuse_write(cache_.connector().name, what); }

  SchemaCache cache_;
};

duckdb::unique_ptr<duckdb::Catalog> make_catalog(duckdb::optional_ptr<duckdb::StorageExtensionInfo> info,
                                                 duckdb::ClientContext&, duckdb::AttachedDatabase& database,
                                                 const duckdb::string& name, duckdb::AttachInfo&,
                                                 duckdb::AttachOptions&) {
  auto connector = static_cast<Federation&>(*info).take_offer(name);
  if (!connector) {
    throw duckdb::PermissionException("connectors are registered with POST /v1/connectors, not attached by SQL");
  }
  return duckdb::make_uniq<RemoteCatalog>(database, std::move(connector));
}

duckdb::unique_ptr<duckdb::TransactionManager> make_transactions(duckdb::optional_ptr<duckdb::StorageExtensionInfo>,
                                                                 duckdb::AttachedDatabase& database,
                                                                 duckdb::Catalog& catalog) {
  return duckdb::make_uniq<RemoteTransactions>(database, catalog.Cast<RemoteCatalog>().cache());
}

}  // namespace

ConnectorDesk desk_of(connector::Fleet& fleet) {
  return {
      .may_read_live = [&fleet](const std::string& name) { return fleet.may_read_live(name); },
      .record_scan = [&fleet](const std::string& name, const connector::ReadStats& stats,
                              const Error* error) { fleet.record_scan(name, stats, error); },
      .served = [&fleet](const std::string& name, const plan::TableName& table) { return fleet.served(name, table); },
      .copies = [&fleet](const std::string& name) { return fleet.copies(name); },
      .wait = [&fleet](
                  const std::string& name, const plan::TableName& table, const connector::FreshnessDemand& demand,
                  std::chrono::milliseconds limit,
                  const std::function<bool()>& stop) { return fleet.wait_for_copy(name, table, demand, limit, stop); }};
}

void register_federation(duckdb::DatabaseInstance& database, ConnectorDesk desk, const EngineOptions& options) {
  auto& config = duckdb::DBConfig::GetConfig(database);
  auto extension = duckdb::make_shared_ptr<duckdb::StorageExtension>();
  extension->attach = make_catalog;
  extension->create_transaction_manager = make_transactions;
  extension->storage_info = duckdb::make_shared_ptr<Federation>(std::move(desk), options);
  duckdb::StorageExtension::Register(config, kCatalogType, std::move(extension));

  duckdb::ExtensionLoader loader(database, "weir");
  loader.RegisterFunction(remote_scan_function());
  loader.RegisterFunction(snapshot_function());
  loader.RegisterFunction(live_function());
  loader.RegisterFunction(raw_function());
  loader.RegisterFunction(average_function());
  duckdb::OptimizerExtension::Register(config, pushdown_rule());
  add_switch(config, kPushdownSetting, "send filters, limits and whole queries to connectors");
  add_switch(config, kDynamicFilterSetting, "send the keys of joins to connectors");
}

Status attach_connector(duckdb::DatabaseInstance& database, const connector::Spec& spec,
                        std::shared_ptr<connector::Source> source) {
  if (duckdb::DatabaseManager::Get(database).GetDatabase(spec.name)) {
    return fail(ErrorCode::already_exists, "a catalog has the name already: " + spec.name, "Choose another name.");
  }
  auto& federation = Federation::of(database);
  federation.offer(std::make_shared<const RemoteConnector>(
      RemoteConnector{.id = spec.id, .name = spec.name, .source = std::move(source)}));
  try {
    duckdb::Connection connection(database);
    connection.context->RunFunctionInTransaction([&] {
      duckdb::AttachInfo info;
      info.name = spec.name;
      info.path = ":memory:";
      info.options["type"] = duckdb::Value(kCatalogType);
      duckdb::AttachOptions options(info.options, duckdb::AccessMode::READ_WRITE);
      duckdb::DatabaseManager::Get(database).AttachDatabase(*connection.context, info, options);
    });
  } catch (const std::exception& error) {
    // Nothing but the name can be wrong: DuckDB keeps some for itself.
    federation.take_offer(spec.name);
    return fail(ErrorCode::invalid_option,
                "cannot name a connector " + spec.name + ": " + duckdb::ErrorData(error).RawMessage(),
                "Choose another name.");
  }
  return {};
}

void detach_connector(duckdb::DatabaseInstance& database, const std::string& name) {
  try {
    duckdb::Connection connection(database);
    connection.context->RunFunctionInTransaction([&] {
      duckdb::DatabaseManager::Get(database).DetachDatabase(*connection.context, name,
                                                            duckdb::OnEntryNotFound::RETURN_NULL);
    });
  } catch (const std::exception& error) {
    telemetry::log(telemetry::Level::warning, "connector_not_detached",
                   {{"name", name}, {"reason", duckdb::ErrorData(error).RawMessage()}});
  }
}

}  // namespace weir::engine
