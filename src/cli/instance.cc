/// Directory, control state, connectors, committer, engine: in this order.
#include "cli/instance.h"

#include "connectors/registry.h"

namespace weir::cli {

Instance::Instance(std::unique_ptr<lake::DataDirectory> opened)
    : directory(std::move(opened)), registry(connectors::default_registry()) {}

Result<std::unique_ptr<Instance>> Instance::open(const std::filesystem::path& data_dir, const std::string& address,
                                                 engine::EngineOptions options, bool keeps_copies) {
  std::unique_ptr<Instance> made(new Instance(WEIR_TRY(lake::DataDirectory::open(data_dir, address))));
  made->store = WEIR_TRY(state::Store::open(made->directory->state_file()));
  made->fleet = std::make_unique<connector::Fleet>(made->registry, made->secrets, *made->store, made->metrics);
  made->committer =
      std::make_unique<lake::Committer>(lake::CommitterOptions{}, made->directory->extents(), made->metrics);
  options.ducklake_extension = ducklake_extension();
  made->engine =
      WEIR_TRY(engine::Engine::open(options, *made->directory, *made->fleet, *made->committer, made->metrics));
  made->copies = std::make_unique<sync::Copies>(made->sync_services(keeps_copies));
  made->fleet->keep_copies(*made->copies);
  return made;
}

Instance::~Instance() {
  if (fleet) fleet->stop_copies();
}

sync::RunnerServices Instance::sync_services(bool keeps_copies) {
  return {.open_landing =
              [this](const std::string& connector, sync::LandingOptions landing) {
                landing.oldest_reader = [this] { return engine->oldest_running(); };
                return sync::Landing::open(
                    connector, [this] { return engine->open_session(); }, *committer, committer->epoch(),
                    std::move(landing));
              },
          .spill = directory->spill(),
          .store = *store,
          .open_session = [this] { return engine->open_session(); },
          .committer = *committer,
          .metrics = metrics,
          .follow = keeps_copies};
}

std::filesystem::path ducklake_extension() {
  std::error_code unreadable;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", unreadable);
  return program.parent_path().parent_path() / "lib" / "weir" / "ducklake.duckdb_extension";
}

}  // namespace weir::cli
