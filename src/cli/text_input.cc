/// read(2) to the end.
#include "cli/text_input.h"

#include <cerrno>
#include <system_error>

#include <fcntl.h>
#include <unistd.h>

namespace weir::cli {
namespace {

constexpr size_t kBytesMax = 64u << 20;

Result<std::string> read_all(int fd, const std::string& name) {
  std::string text;
  char piece[64 << 10];
  while (true) {
    const ssize_t got = ::read(fd, piece, sizeof piece);
    if (got == 0) return text;
    if (got < 0 && errno == EINTR) continue;
    if (got < 0)
      return fail(ErrorCode::io_error, "cannot read " + name + ": " + std::generic_category().message(errno));
    text.append(piece, static_cast<size_t>(got));
    if (text.size() > kBytesMax) return fail(ErrorCode::body_too_large, name + " holds more than 64 MiB", "Split it.");
  }
}

}  // namespace

Result<std::string> read_text(const std::string& file) {
  if (file == "-") return read_all(STDIN_FILENO, "standard input");
  const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return fail(ErrorCode::io_error, "cannot read " + file + ": " + std::generic_category().message(errno));
  auto text = read_all(fd, file);
  ::close(fd);
  return text;
}

}  // namespace weir::cli
