/// What an error text of the SQL engine or of DuckLake means for the lake.
#include "lake/catalog_errors.h"

#include <string_view>

#include "lake/durable_file.h"

namespace weir::lake {
namespace {

struct Meaning {
  std::string_view text;  ///< part of the engine's message
  ErrorCode code;
  std::string_view hint;
};

/// The engine has no codes for these; the tests hold the texts against the pinned version.
constexpr Meaning kMeanings[] = {
    {"has been invalidated", ErrorCode::disk_full,
     "free space on that disk, then start Weir again: the catalog must be opened anew"},
    {"No space left on device", ErrorCode::disk_full, ""},
    {"Disk quota exceeded", ErrorCode::disk_full, ""},
    {"Transaction conflict", ErrorCode::commit_conflict, ""},
    {"Conflict on", ErrorCode::commit_conflict, ""},
    {"Could not set lock on file", ErrorCode::data_dir_locked, "stop the other process that has the catalog open"},
    {"version mismatch", ErrorCode::data_dir_version, ""},
    {"created with a newer version", ErrorCode::data_dir_version, ""},
    {"newer version of DuckDB", ErrorCode::data_dir_version, ""},
    {"not a valid DuckDB database file", ErrorCode::data_dir_damaged, ""},
    {"Corrupt database file", ErrorCode::data_dir_damaged, ""},
    {"Could not read enough bytes from file", ErrorCode::data_dir_damaged, ""},
    {"creating a new DuckLake is explicitly disabled", ErrorCode::data_dir_damaged, ""},
    {"could not find schema that corresponds", ErrorCode::data_dir_damaged, ""},
};

/// The codes under which errors of the storage come.
bool tells_of_storage(ErrorCode code) {
  switch (code) {
    case ErrorCode::io_error:
    case ErrorCode::disk_full:
    case ErrorCode::commit_conflict:
    case ErrorCode::engine_stopped:
    case ErrorCode::internal:
      return true;
    default:
      return false;
  }
}

}  // namespace

Error classify(Error error, const std::filesystem::path& directory) {
  if (!error.source.empty() || !tells_of_storage(error.code)) return error;
  return classify_attach(std::move(error), directory);
}

Error classify_attach(Error error, const std::filesystem::path& directory) {
  for (const auto& meaning : kMeanings) {
    if (error.message.find(meaning.text) == std::string::npos) continue;
    const auto cause = std::move(error.message);
    error =
        meaning.code == ErrorCode::disk_full ? disk_full(directory).error() : Error{meaning.code, "", "", error.source};
    error.message += (error.message.empty() ? "" : ": ") + cause;
    if (!meaning.hint.empty()) error.hint = meaning.hint;
    return error;
  }
  return error;
}

}  // namespace weir::lake
