/// libedit behind RAII.
#include "cli/line_editor.h"

#include <cstdio>
#include <string_view>

#include <fcntl.h>
#include <histedit.h>
#include <sys/stat.h>
#include <unistd.h>

namespace weir::cli {
namespace {

constexpr int kHistoryLines = 2'000;

struct EditCleanup {
  void operator()(EditLine* edit) const { el_end(edit); }
};
struct HistoryCleanup {
  void operator()(History* history) const { history_end(history); }
};

/// Creates the file if it is missing and closes it to others, before a line of it is written: statements hold secrets.
bool make_private(const std::string& file) {
  const int fd = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return false;
  const bool done = ::fchmod(fd, 0600) == 0;
  ::close(fd);
  return done;
}

}  // namespace

struct LineEditor::Impl {
  std::unique_ptr<EditLine, EditCleanup> edit;
  std::unique_ptr<History, HistoryCleanup> history;
  std::string history_file, prompt;
  bool abandoned = false;

  static Impl& of(EditLine* edit) {
    void* self = nullptr;
    el_get(edit, EL_CLIENTDATA, &self);
    return *static_cast<Impl*>(self);
  }
  static char* show_prompt(EditLine* edit) { return of(edit).prompt.data(); }
  static unsigned char abandon(EditLine* edit, int) {
    of(edit).abandoned = true;
    return CC_NEWLINE;
  }

  void configure() {
    el_set(edit.get(), EL_CLIENTDATA, this);
    el_set(edit.get(), EL_PROMPT, show_prompt);
    el_set(edit.get(), EL_EDITOR, "emacs");
    el_set(edit.get(), EL_HIST, ::history, history.get());
    // Ctrl-C is a key while a line is edited; signals are for running queries.
    el_set(edit.get(), EL_SETTY, "-d", "-isig", nullptr);
    el_set(edit.get(), EL_ADDFN, "abandon-lines", "Drop what was typed", abandon);
    el_set(edit.get(), EL_BIND, "^C", "abandon-lines", nullptr);
    el_set(edit.get(), EL_BIND, "^R", "em-inc-search-prev", nullptr);
    HistEvent event;
    ::history(history.get(), &event, H_SETSIZE, kHistoryLines);
    ::history(history.get(), &event, H_SETUNIQUE, 1);
    if (!history_file.empty()) ::history(history.get(), &event, H_LOAD, history_file.c_str());
  }
};

LineEditor::LineEditor(std::string history_file) : impl_(std::make_unique<Impl>()) {
  impl_->history_file = std::move(history_file);
  impl_->history.reset(history_init());
  impl_->edit.reset(el_init("weir", stdin, stderr, stderr));
  impl_->configure();
}

LineEditor::~LineEditor() {
  if (impl_->history_file.empty() || !make_private(impl_->history_file)) return;
  HistEvent event;
  ::history(impl_->history.get(), &event, H_SAVE, impl_->history_file.c_str());
}

std::optional<EditedLine> LineEditor::read(const std::string& prompt) {
  impl_->prompt = prompt;
  impl_->abandoned = false;
  int length = 0;
  // The prompt is shown before the editor's own mode begins: a Ctrl-C between the two is a key already.
  el_set(impl_->edit.get(), EL_SETTY, "-x", "-isig", nullptr);
  const char* typed = el_gets(impl_->edit.get(), &length);
  el_set(impl_->edit.get(), EL_SETTY, "-x", "+isig", nullptr);
  if (impl_->abandoned) return EditedLine{{}, true};
  if (typed == nullptr || length <= 0) return std::nullopt;
  std::string_view line(typed, static_cast<size_t>(length));
  if (line.ends_with('\n')) line.remove_suffix(1);
  if (line.find_first_not_of(" \t") != std::string_view::npos) {
    HistEvent event;
    ::history(impl_->history.get(), &event, H_ENTER, std::string(line).c_str());
  }
  return EditedLine{std::string(line), false};
}

}  // namespace weir::cli
