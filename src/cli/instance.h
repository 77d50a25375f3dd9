/// Everything that one data directory needs to answer queries, wired together.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "base/result.h"
#include "connector/fleet.h"
#include "engine/engine.h"
#include "lake/committer.h"
#include "lake/data_directory.h"
#include "state/store.h"
#include "sync/copies.h"
#include "telemetry/metrics.h"

namespace weir::cli {

/// Parts are released in the reverse of their order here.
struct Instance {
  /// `address`: what another process that finds the directory locked is told to ask; may be empty.
  /// `keeps_copies`: live copies follow their sources; otherwise they are only read.
  /// Errors: those of DataDirectory, Store and Engine.
  static Result<std::unique_ptr<Instance>> open(const std::filesystem::path& data_dir, const std::string& address,
                                                engine::EngineOptions options, bool keeps_copies);

  std::unique_ptr<lake::DataDirectory> directory;
  telemetry::Metrics metrics;
  std::unique_ptr<state::Store> store;
  connector::Registry registry;
  options::SecretResolver secrets;
  std::unique_ptr<connector::Fleet> fleet;
  std::unique_ptr<lake::Committer> committer;
  std::unique_ptr<engine::Engine> engine;
  std::unique_ptr<sync::Copies> copies;

  ~Instance();

 private:
  sync::RunnerServices sync_services(bool keeps_copies);
  explicit Instance(std::unique_ptr<lake::DataDirectory> directory);
};

/// The signed extension file beside the running program: <prefix>/lib/weir/ducklake.duckdb_extension.
std::filesystem::path ducklake_extension();

}  // namespace weir::cli
