/// write(2) with its errors, and the form of messages.
#include "cli/console.h"

#include <algorithm>
#include <cerrno>
#include <system_error>

#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/environment.h"
#include "format/display_text.h"

namespace weir::cli {
namespace {

constexpr size_t kWidthUnknown = 80;
/// Wider values are cut on a terminal, so that one long text does not push the other columns away.
constexpr size_t kColumnWidthMin = 40;

bool colour_allowed() { return environment_variable("NO_COLOR").empty() && environment_variable("TERM") != "dumb"; }

}  // namespace

Status Output::write(std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd_, text.data(), text.size());
    if (written >= 0) {
      text.remove_prefix(static_cast<size_t>(written));
      continue;
    }
    if (errno == EINTR) continue;
    if (errno == EPIPE) {
      closed_ = true;
      return fail(ErrorCode::cancelled, "standard output was closed");
    }
    const auto code = errno == ENOSPC || errno == EDQUOT ? ErrorCode::disk_full : ErrorCode::io_error;
    return fail(code, std::string("cannot write to standard output: ") + std::generic_category().message(errno),
                code == ErrorCode::disk_full ? "Free space where the output goes." : "");
  }
  return {};
}

bool Output::is_terminal() const { return isatty(fd_) == 1; }

size_t Output::width() const {
  winsize size{};
  return ioctl(fd_, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : kWidthUnknown;
}

Console::Console() : out_(STDOUT_FILENO), err_(STDERR_FILENO), colour_allowed_(colour_allowed()) {}

format::TableOptions Console::table_options(const Output& output) const {
  format::TableOptions options;
  if (!output.is_terminal()) return options;
  options.column_width_max = std::max(kColumnWidthMin, output.width() / 2);
  options.colour = colour_allowed_;
  return options;
}

void Console::message(std::string_view text) {
  // Nobody is left to hear that standard error fails.
  [[maybe_unused]] const Status told = err_.write(std::string(text) + "\n");
}

void Console::error(const Error& error, std::string_view where) {
  if (out_.closed()) return;
  const bool colour = colour_allowed_ && err_.is_terminal();
  const std::string source = error.source.empty() ? "" : error.source + ": ";
  const std::string place = where.empty() ? "" : std::string(where) + ": ";
  const std::string hint = error.hint.empty() ? std::string(describe(error.code).action) : error.hint;
  message((colour ? "\x1b[1;31merror:\x1b[0m " : "error: ") +
          format::displayable(place + source + error.message, true));
  if (!hint.empty()) message("hint: " + format::displayable(hint, true));
  message("code: " + std::string(describe(error.code).name));
}

int Console::exit_code(const Status& status) {
  if (status || out_.closed()) return kOk;
  error(status.error());
  return kFailed;
}

}  // namespace weir::cli
