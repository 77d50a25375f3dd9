/// SQL on an engine in this process, as admin.
#pragma once

#include <filesystem>
#include <memory>

#include "cli/session.h"

namespace weir::cli {

/// Errors: data_dir_locked (naming the address of the server that holds it) and all others of Instance::open.
Result<std::unique_ptr<Session>> open_local_session(const std::filesystem::path& data_dir);

}  // namespace weir::cli
