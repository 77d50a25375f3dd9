/// Typed lines with editing and history, by libedit.
#pragma once

#include <memory>
#include <optional>
#include <string>

namespace weir::cli {

struct EditedLine {
  std::string text;        ///< without its line end
  bool abandoned = false;  ///< Ctrl-C: drop what was typed
};

/// Reads from the process's terminal.
class LineEditor {
 public:
  /// `history_file` is kept with mode 0600; empty: history lives in memory only.
  explicit LineEditor(std::string history_file);
  ~LineEditor();

  /// The next line, or nothing at the end of input (Ctrl-D).
  std::optional<EditedLine> read(const std::string& prompt);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace weir::cli
