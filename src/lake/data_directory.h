/// The directory that holds everything Weir keeps: lock, version, catalog, extents, control state.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "base/result.h"

namespace weir::lake {

/// Layout: `weir.lock` (held while in use; holds the owner's process id and address), `version` (the layout's number),
/// `catalog.ducklake` (the DuckLake catalog), `hot.duckdb` (what live copies have not folded into the lake yet, and
/// their positions), `extents/` (Parquet), `state.db` (control state), `spill/`.
class DataDirectory {
 public:
  /// Creates what is missing, takes the lock and empties `spill/`. `address` is what another process is told to ask,
  /// e.g. "http://127.0.0.1:8080", or empty for a process that serves nobody (or does not know its port yet).
  /// Errors: data_dir_locked (naming the owner's address), data_dir_version, data_dir_damaged, invalid_option (a path
  /// that the SQL engine cannot take), io_error, disk_full.
  static Result<std::unique_ptr<DataDirectory>> open(const std::filesystem::path& path, const std::string& address);
  ~DataDirectory();
  DataDirectory(const DataDirectory&) = delete;
  DataDirectory& operator=(const DataDirectory&) = delete;

  /// Changes the address that others are told. Errors: io_error, disk_full.
  Status announce(const std::string& address);

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path catalog_file() const { return path_ / "catalog.ducklake"; }
  std::filesystem::path hot_file() const { return path_ / "hot.duckdb"; }
  std::filesystem::path extents() const { return path_ / "extents"; }
  std::filesystem::path state_file() const { return path_ / "state.db"; }
  std::filesystem::path spill() const { return path_ / "spill"; }

  /// Whether a catalog had been committed here when it was opened: one that is missing then is damage, no fresh start.
  bool has_lake() const { return has_lake_; }
  /// Notes durably, for the next open, that the catalog is there. Errors: io_error, disk_full.
  Status lake_created() const;

 private:
  DataDirectory(std::filesystem::path path, int lock_fd) : path_(std::move(path)), lock_fd_(lock_fd) {}
  Status read_version();
  Status check_parts() const;

  std::filesystem::path path_;
  int lock_fd_ = -1;
  bool has_lake_ = false;
};

}  // namespace weir::lake
