/// Small files and directory entries that survive a power loss once the call has returned.
#include "lake/durable_file.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/descriptor.h"

namespace weir::lake {
namespace {

bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    text.remove_prefix(static_cast<size_t>(written));
  }
  return true;
}

}  // namespace

std::unexpected<Error> disk_full(const std::filesystem::path& path) {
  std::error_code ignored;
  const auto space = std::filesystem::space(path, ignored);
  std::string text = "the disk of " + path.string() + " is full";
  if (!ignored) text += ": " + std::to_string(space.available >> 20) + " MiB left";
  return fail(ErrorCode::disk_full, std::move(text));
}

std::unexpected<Error> file_error(std::string_view action, const std::filesystem::path& path, int error_number) {
  if (error_number == ENOSPC || error_number == EDQUOT) return disk_full(path.parent_path());
  return fail(ErrorCode::io_error, "cannot " + std::string(action) + " " + path.string() + ": " +
                                       std::generic_category().message(error_number));
}

Status sync_directory(const std::filesystem::path& directory) {
  const Descriptor handle(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!handle || ::fsync(handle.get()) != 0) return file_error("sync", directory, errno);
  return {};
}

Status ensure_directory(const std::filesystem::path& directory) {
  if (::mkdir(directory.c_str(), 0700) == 0) return sync_directory(directory.parent_path());
  if (errno != EEXIST) return file_error("create", directory, errno);
  std::error_code ignored;
  if (!std::filesystem::is_directory(directory, ignored)) return file_error("create", directory, ENOTDIR);
  return {};
}

Status write_durably(const std::filesystem::path& path, std::string_view text) {
  auto fresh = path;
  fresh += ".new";
  {
    const Descriptor handle(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!handle) return file_error("create", fresh, errno);
    if (!write_all(handle.get(), text) || ::fsync(handle.get()) != 0) return file_error("write", fresh, errno);
  }
  if (::rename(fresh.c_str(), path.c_str()) != 0) return file_error("replace", path, errno);
  return sync_directory(path.parent_path());
}

Result<std::string> read_small_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file) return file_error("read", path, errno == 0 ? EIO : errno);
  return text.str();
}

}  // namespace weir::lake
