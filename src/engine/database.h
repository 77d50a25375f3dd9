/// The one DuckDB instance of the process: in memory, with the lake attached, and its doors closed.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <vector>

#include <duckdb.hpp>

#include "base/result.h"
#include "engine/engine.h"
#include "lake/data_directory.h"

namespace weir::engine {

/// Whether the library with the source id `loaded` is the one that Weir was built for. Errors: internal.
Status check_library(std::string_view loaded);

/// Thread-safe once open.
class Database {
 public:
  /// Adds functions, settings and catalog types to the instance.
  using Extend = std::function<void(duckdb::DatabaseInstance&)>;

  /// Opens DuckDB, attaches the lake, then closes the doors: no extension can be loaded, no setting of the instance
  /// changed, and no file opened outside the data directory and `options.allow_dirs`, for the rest of the process.
  /// Errors: internal (not the library of our headers), those of lake::attach.
  static Result<std::unique_ptr<Database>> open(const EngineOptions& options, const lake::DataDirectory& directory,
                                                const Extend& extend);

  duckdb::DatabaseInstance& instance() { return *database_->instance; }
  duckdb::DuckDB& duck() { return *database_; }
  /// Where an admin may read and write files.
  const std::vector<std::filesystem::path>& allow_dirs() const { return allow_dirs_; }

  /// A connection for one query of `principal`, held to the allow-list: bare names are looked up in weir.main.
  std::unique_ptr<duckdb::Connection> connect(const Principal& principal);
  /// A connection of the engine's own, held to no allow-list.
  std::unique_ptr<duckdb::Connection> connect_inside();

 private:
  Database(std::unique_ptr<duckdb::DuckDB> database, std::vector<std::filesystem::path> allow_dirs,
           std::filesystem::path extents)
      : database_(std::move(database)), allow_dirs_(std::move(allow_dirs)), extents_(std::move(extents)) {}

  std::unique_ptr<duckdb::DuckDB> database_;
  std::vector<std::filesystem::path> allow_dirs_;
  std::filesystem::path extents_;
};

}  // namespace weir::engine
