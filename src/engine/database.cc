/// Opening DuckDB, and the settings that hold for everybody.
#include "engine/database.h"

#include <array>

#include <duckdb/catalog/catalog_search_path.hpp>
#include <duckdb/main/client_data.hpp>
#include <duckdb/main/config.hpp>
#include <duckdb/main/extension/extension_loader.hpp>
#include <fmt/format.h>

#include "engine/allow_list.h"
#include "engine/duck_session.h"
#include "engine/durable_extents.h"
#include "engine/errors.h"
#include "engine/freshness.h"
#include "engine/key_exclusion.h"
#include "engine/lake_files_only.h"
#include "engine/query_context.h"
#include "engine/shown_rows.h"
#include "lake/lake.h"

namespace weir::engine {
namespace {

/// The commit of DuckDB that cmake/Dependencies.cmake pins, for headers and library alike. The headers do not say it
/// themselves; with any other library their classes have another layout.
constexpr std::string_view kSourceId = "d8cdaa33fd";

/// What DuckDB may produce ahead of a client that reads slowly. It also gathers so much before it gives the first
/// chunk.
constexpr uint64_t kStreamingBufferBytes = 1u << 20;

/// Of freed memory, what a thread keeps for its next task.
constexpr const char* kAllocatorFlush = "16MiB";

}  // namespace

Status check_library(std::string_view loaded) {
  if (loaded.starts_with(kSourceId)) return {};
  return fail(ErrorCode::internal,
              fmt::format("wrong DuckDB library: source id is {}, built for {}", loaded, kSourceId),
              "Install Weir's own libduckdb.so beside the program.");
}

namespace {

std::string quoted(const std::filesystem::path& path) { return duckdb::Value(path.string()).ToSQLString(); }

void configure(duckdb::DBConfig& config, const EngineOptions& options, const std::filesystem::path& spill_dir) {
  config.SetOptionByName("autoinstall_known_extensions", duckdb::Value::BOOLEAN(false));
  config.SetOptionByName("autoload_known_extensions", duckdb::Value::BOOLEAN(false));
  config.SetOptionByName("allow_community_extensions", duckdb::Value::BOOLEAN(false));
  config.SetOptionByName("temp_directory", duckdb::Value(spill_dir.string()));
  // What is freed goes back to the system soon, also while large transactions land.
  config.SetOptionByName("allocator_background_threads", duckdb::Value::BOOLEAN(true));
  config.SetOptionByName("allocator_flush_threshold", duckdb::Value(kAllocatorFlush));
  if (options.threads > 0) config.SetOptionByName("threads", duckdb::Value::BIGINT(options.threads));
  if (options.memory_limit_bytes > 0) {
    config.SetOptionByName("memory_limit", duckdb::Value(fmt::format("{}B", options.memory_limit_bytes)));
  }
}

/// From here on nobody can open another door, not even by a way that the allow-list forgot.
Status close_doors(lake::SqlSession& session, const EngineOptions& options, const std::filesystem::path& data_dir) {
  std::string directories = quoted(data_dir);
  for (const auto& directory : options.allow_dirs) directories += ", " + quoted(directory);
  WEIR_TRY(session.run("SET GLOBAL TimeZone = 'UTC'"));
  WEIR_TRY(session.run("SET GLOBAL allowed_directories = [" + directories + "]"));
  WEIR_TRY(session.run("SET GLOBAL enable_external_access = false"));
  WEIR_TRY(session.run(
      "SET GLOBAL allowed_configs = ['weir_pushdown', 'weir_dynamic_filter', 'weir_min_freshness_ms', 'weir_min_lsn', "
      "'weir_freshness_wait_ms', 'TimeZone']"));
  return session.run("SET GLOBAL lock_configuration = true");
}

}  // namespace

Result<std::unique_ptr<Database>> Database::open(const EngineOptions& options, const lake::DataDirectory& directory,
                                                 const Extend& extend) {
  WEIR_TRY(check_library(duckdb::DuckDB::SourceID()));
  auto duck = WEIR_TRY(guarded({}, [&] {
    duckdb::DBConfig config;
    configure(config, options, directory.spill());
    auto opened = std::make_unique<duckdb::DuckDB>(nullptr, &config);
    register_allow_list(*opened->instance);
    auto& opened_config = duckdb::DBConfig::GetConfig(*opened->instance);
    register_freshness_settings(opened_config);
    duckdb::OptimizerExtension::Register(opened_config, key_exclusion_rule());
    duckdb::ExtensionLoader(*opened->instance, "weir").RegisterFunction(shown_rows_function());
    extend(*opened->instance);
    auto extents = durable_extents(directory.extents());
    opened->GetFileSystem().RegisterSubSystem(duckdb::unique_ptr<duckdb::FileSystem>(extents.release()));
    return opened;
  }));
  duckdb::Connection connection(*duck);
  DuckSession session(connection);
  WEIR_TRY(lake::attach(session, directory, options.ducklake_extension));
  WEIR_TRY(close_doors(session, options, directory.path()));
  return std::unique_ptr<Database>(new Database(std::move(duck), options.allow_dirs, directory.extents()));
}

std::unique_ptr<duckdb::Connection> Database::connect(const Principal& principal) {
  auto connection = std::make_unique<duckdb::Connection>(*database_);
  auto& client = *connection->context;
  QueryContext::install(client, principal);
  EnforcedRules::install(client, principal, allow_dirs_);
  // 'file.parquet' in FROM is bound for everybody, so that the allow-list says who may not read it.
  if (principal.role != Role::admin || allow_dirs_.empty()) keep_to_lake_files(client, extents_);
  client.config.streaming_buffer_size = kStreamingBufferBytes;
  client.client_data->catalog_search_path->Set({{std::string(lake::kCatalog), "main"}},
                                               duckdb::CatalogSetPathType::SET_DIRECTLY);
  return connection;
}

std::unique_ptr<duckdb::Connection> Database::connect_inside() {
  auto connection = std::make_unique<duckdb::Connection>(*database_);
  auto& client = *connection->context;
  QueryContext::install(client, {.name = "weir", .role = Role::admin, .schemas = {}});
  client.client_data->catalog_search_path->Set({{std::string(lake::kCatalog), "main"}},
                                               duckdb::CatalogSetPathType::SET_DIRECTLY);
  return connection;
}

std::string library_version() {
  return fmt::format("DuckDB {} ({})", duckdb::DuckDB::LibraryVersion(), duckdb::DuckDB::SourceID());
}

}  // namespace weir::engine
