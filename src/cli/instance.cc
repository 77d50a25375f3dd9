/// Directory, control state, connectors, committer, engine: in this order.
#include "cli/instance.h"

#include "connectors/registry.h"

namespace weir::cli {

Instance::Instance(std::unique_ptr<lake::DataDirectory> opened)
    : directory(std::move(opened)), registry(connectors::default_registry()) {}

Result<std::unique_ptr<Instance>> Instance::open(const std::filesystem::path& data_dir, const std::string& address,
                                                 engine::EngineOptions options) {
  std::unique_ptr<Instance> made(new Instance(WEIR_TRY(lake::DataDirectory::open(data_dir, address))));
  made->store = WEIR_TRY(state::Store::open(made->directory->state_file()));
  made->fleet = std::make_unique<connector::Fleet>(made->registry, made->secrets, *made->store, made->metrics);
  made->committer =
      std::make_unique<lake::Committer>(lake::CommitterOptions{}, made->directory->extents(), made->metrics);
  options.ducklake_extension = ducklake_extension();
  made->engine =
      WEIR_TRY(engine::Engine::open(options, *made->directory, *made->fleet, *made->committer, made->metrics));
  return made;
}

std::filesystem::path ducklake_extension() {
  std::error_code unreadable;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", unreadable);
  return program.parent_path().parent_path() / "lib" / "weir" / "ducklake.duckdb_extension";
}

}  // namespace weir::cli
