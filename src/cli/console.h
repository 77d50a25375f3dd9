/// The process's standard streams: data on one, messages on the other, and what kind of reader sits behind them.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "format/text_grid.h"

namespace weir::cli {

/// Exit codes of every command.
enum ExitCode : int { kOk = 0, kFailed = 1, kUsage = 2 };

/// A file descriptor that is written to. Not thread-safe.
class Output {
 public:
  explicit Output(int fd) : fd_(fd) {}
  /// Writes all of `text`. Errors: cancelled when the reader went away (`closed` then), disk_full, io_error.
  Status write(std::string_view text);
  /// The reader went away (`| head`): the command ends quietly.
  bool closed() const { return closed_; }
  bool is_terminal() const;
  /// Columns of the terminal, 80 when it does not say.
  size_t width() const;

 private:
  int fd_;
  bool closed_ = false;
};

/// Standard output for data and standard error for messages.
class Console {
 public:
  Console();
  Output& out() { return out_; }
  /// How a table for people looks on standard output or standard error: colours and cuts on a terminal only.
  format::TableOptions table_on_out() const { return table_options(out_); }
  format::TableOptions table_on_err() const { return table_options(err_); }
  /// A line on standard error.
  void message(std::string_view text);
  /// "error: …", "hint: …" and "code: …" on standard error. `where` stands before the message: "load.sql:12".
  /// An error that came from a closed standard output says nothing.
  void error(const Error& error, std::string_view where = {});
  /// Reports what failed and gives the exit code; a closed standard output is no failure.
  int exit_code(const Status& status);

 private:
  format::TableOptions table_options(const Output& output) const;

  Output out_;
  Output err_;
  bool colour_allowed_;
};

}  // namespace weir::cli
