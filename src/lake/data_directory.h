/// The directory that holds everything Weir keeps: lock, version, catalog, extents, control state.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "base/result.h"

namespace weir::lake {

/// Layout: `weir.lock` (held while in use; holds the owner's process id and address), `version` (the layout's number),
/// `catalog.ducklake` (the DuckLake catalog), `extents/` (Parquet), `state.db` (control state), `spill/`.
class DataDirectory {
 public:
  /// Creates what is missing and takes the lock. `address` is what another process is told to ask, e.g.
  /// "http://127.0.0.1:8080", or empty for a process that serves nobody.
  /// Errors: data_dir_locked (naming the owner's address), data_dir_version, data_dir_damaged, io_error, disk_full.
  static Result<std::unique_ptr<DataDirectory>> open(const std::filesystem::path& path, const std::string& address);
  ~DataDirectory();
  DataDirectory(const DataDirectory&) = delete;
  DataDirectory& operator=(const DataDirectory&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path catalog_file() const { return path_ / "catalog.ducklake"; }
  std::filesystem::path extents() const { return path_ / "extents"; }
  std::filesystem::path state_file() const { return path_ / "state.db"; }
  std::filesystem::path spill() const { return path_ / "spill"; }

 private:
  DataDirectory(std::filesystem::path path, int lock_fd) : path_(std::move(path)), lock_fd_(lock_fd) {}
  std::filesystem::path path_;
  int lock_fd_ = -1;
};

}  // namespace weir::lake
