/// Small files and directory entries that survive a power loss once the call has returned.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.h"

namespace weir::lake {

/// The error of a failed system call on `path`: disk_full for a full disk or quota, io_error for the rest.
/// `action` is what was tried, e.g. "create".
std::unexpected<Error> file_error(std::string_view action, const std::filesystem::path& path, int error_number);
/// disk_full, naming the disk that holds `path` and what is left on it.
std::unexpected<Error> disk_full(const std::filesystem::path& path);

/// Makes the entries of `directory` durable. Errors: io_error, disk_full.
Status sync_directory(const std::filesystem::path& directory);
/// Creates `directory` (mode 0700) and makes its entry durable; one that exists is left alone. Errors: io_error,
/// disk_full.
Status ensure_directory(const std::filesystem::path& directory);
/// Replaces the file `path` by `text` in one durable step: a reader sees the old text or the new. Errors: io_error,
/// disk_full.
Status write_durably(const std::filesystem::path& path, std::string_view text);
/// The whole text of a small file. Errors: io_error.
Result<std::string> read_small_file(const std::filesystem::path& path);

}  // namespace weir::lake
