/// What an error text of the SQL engine or of DuckLake means for the lake.
#pragma once

#include <filesystem>

#include "base/result.h"

namespace weir::lake {

/// The `error` of a statement with the code that its text stands for: disk_full, commit_conflict, data_dir_damaged,
/// data_dir_version or data_dir_locked. Only texts of the storage count: one of a source, or one about a value of the
/// query, is returned as it came. `directory` is the data directory, for the message.
Error classify(Error error, const std::filesystem::path& directory);

/// The same for an attach, whose errors hold nobody's values, so that every text counts.
Error classify_attach(Error error, const std::filesystem::path& directory);

}  // namespace weir::lake
