/// Opening, locking and checking the data directory.
#include "lake/data_directory.h"

#include <cerrno>
#include <charconv>
#include <sstream>
#include <system_error>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lake/durable_file.h"

namespace weir::lake {
namespace fs = std::filesystem;

namespace {

/// The layout that this program reads and writes.
constexpr int kLayoutVersion = 1;
/// Stands behind the number until the catalog's first commit, so that a crash in between is not taken for damage.
constexpr std::string_view kNewMark = "new";

/// The SQL engine reads these as patterns or as the end of a path.
constexpr std::string_view kRefused = "?*[\\";

/// A path that names the same place whatever the working directory, without links.
Result<fs::path> canonical_place(const fs::path& path) {
  if (path.empty() || path.native().find_first_of(kRefused) != std::string::npos) {
    return fail(ErrorCode::invalid_option,
                "the path of the data directory is empty or has one of ? * [ \\ in it: " + path.string(),
                "choose another path");
  }
  std::error_code failed;
  auto result = fs::weakly_canonical(fs::absolute(path, failed), failed);
  if (failed) return file_error("find", path, failed.value());
  return result.has_filename() ? result : result.parent_path();
}

Status create_with_parents(const fs::path& path) {
  std::error_code failed;
  fs::create_directories(path.parent_path(), failed);
  if (failed) return file_error("create", path.parent_path(), failed.value());
  return ensure_directory(path);
}

/// The text of weir.lock: process id, then address, one per line.
Status write_owner(int lock_fd, const fs::path& lock_file, const std::string& address) {
  const std::string text = std::to_string(::getpid()) + "\n" + address + "\n";
  if (::ftruncate(lock_fd, 0) != 0 ||
      ::pwrite(lock_fd, text.data(), text.size(), 0) != static_cast<ssize_t>(text.size())) {
    return file_error("write", lock_file, errno);
  }
  return {};
}

std::unexpected<Error> locked(const fs::path& path) {
  std::string process, address;
  if (const auto text = read_small_file(path / "weir.lock")) {
    std::istringstream lines(*text);
    std::getline(lines, process);
    std::getline(lines, address);
  }
  std::string message = "the data directory " + path.string() + " is in use by ";
  message += process.empty() ? "another process" : "process " + process;
  if (address.empty())
    return fail(ErrorCode::data_dir_locked, std::move(message), "stop that process, or wait until it has ended");
  return fail(ErrorCode::data_dir_locked, message + ", which answers at " + address, "use --url " + address);
}

Result<int> take_lock(const fs::path& path) {
  const auto file = path / "weir.lock";
  const int fd = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return file_error("open", file, errno);
  if (::flock(fd, LOCK_EX | LOCK_NB) == 0) return fd;
  const int reason = errno;
  ::close(fd);
  if (reason == EWOULDBLOCK) return locked(path);
  return file_error("lock", file, reason);
}

std::unexpected<Error> damaged(const fs::path& file, std::string what) {
  return fail(ErrorCode::data_dir_damaged, file.string() + " " + std::move(what));
}

bool empty_or_absent(const fs::path& directory) {
  std::error_code failed;
  const bool empty = fs::is_empty(directory, failed);
  return failed || empty;
}

/// What a killed process spilled is of no use to the next one.
Status empty_spill(const fs::path& spill) {
  std::error_code failed;
  fs::remove_all(spill, failed);
  if (failed) return file_error("empty", spill, failed.value());
  return ensure_directory(spill);
}

}  // namespace

Result<std::unique_ptr<DataDirectory>> DataDirectory::open(const fs::path& path, const std::string& address) {
  const auto place = WEIR_TRY(canonical_place(path));
  WEIR_TRY(create_with_parents(place));
  const int lock_fd = WEIR_TRY(take_lock(place));
  std::unique_ptr<DataDirectory> directory(new DataDirectory(place, lock_fd));
  WEIR_TRY(directory->announce(address));
  WEIR_TRY(directory->read_version());
  WEIR_TRY(directory->check_parts());
  WEIR_TRY(ensure_directory(directory->extents()));
  WEIR_TRY(empty_spill(directory->spill()));
  WEIR_TRY(sync_directory(place));
  return directory;
}

DataDirectory::~DataDirectory() {
  // Closing releases the lock, as a kill does. The file stays: removing it would let two owners lock different files.
  if (lock_fd_ >= 0) ::close(lock_fd_);
}

Status DataDirectory::announce(const std::string& address) {
  return write_owner(lock_fd_, path_ / "weir.lock", address);
}

Status DataDirectory::read_version() {
  const auto file = path_ / "version";
  std::error_code ignored;
  if (!fs::exists(file, ignored)) {
    if (fs::exists(catalog_file(), ignored) || fs::exists(state_file(), ignored) || !empty_or_absent(extents())) {
      return damaged(file, "is missing, though the directory holds data");
    }
    // One that was made beforehand is closed to others, as initdb does: catalog and control state hold values of rows
    // and what people registered. Whoever opens it again later decides that for themselves.
    if (::chmod(path_.c_str(), 0700) != 0) return file_error("close to others", path_, errno);
    return write_durably(file, std::to_string(kLayoutVersion) + " " + std::string(kNewMark) + "\n");
  }
  const auto text = WEIR_TRY(read_small_file(file));
  int version = 0;
  const auto [rest, failed] = std::from_chars(text.data(), text.data() + text.size(), version);
  if (failed != std::errc{} || version < 1) return damaged(file, "does not begin with a version number");
  if (version > kLayoutVersion) {
    return fail(ErrorCode::data_dir_version, "the data directory " + path_.string() + " has layout version " +
                                                 std::to_string(version) + "; this Weir knows versions up to " +
                                                 std::to_string(kLayoutVersion));
  }
  has_lake_ = text.find(kNewMark) == std::string::npos;
  return {};
}

Status DataDirectory::check_parts() const {
  std::error_code ignored;
  const bool catalog = fs::exists(catalog_file(), ignored);
  if (has_lake_ && !catalog) return damaged(catalog_file(), "is missing, though tables were committed to it");
  if (has_lake_ && !fs::is_directory(extents(), ignored)) {
    return damaged(extents(), "is missing, though the catalog may name files in it");
  }
  if (!has_lake_ && !catalog && !empty_or_absent(extents()))
    return damaged(catalog_file(), "is missing, though there are extents");
  return {};
}

Status DataDirectory::lake_created() const {
  WEIR_TRY(sync_directory(path_));
  return write_durably(path_ / "version", std::to_string(kLayoutVersion) + "\n");
}

}  // namespace weir::lake
