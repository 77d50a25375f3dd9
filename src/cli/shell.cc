/// Lines to statements, and the backslash commands.
#include "cli/shell.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <utility>

#include "cli/environment.h"
#include "cli/line_editor.h"
#include "cli/statement_splitter.h"
#include "cli/text_input.h"

namespace weir::cli {
namespace {

constexpr std::string_view kGreeting = "Type SQL that ends with ; or \\? for help, \\q to leave.";
constexpr std::string_view kListTables =
    "SELECT table_catalog AS catalog, table_schema AS schema, table_name AS name, table_type AS type "
    "FROM information_schema.tables ORDER BY ALL";

/// "\\d  public.users ;" → "\\d", "public.users".
std::pair<std::string, std::string> split_command(std::string_view line) {
  constexpr std::string_view blank = " \t;";
  const size_t name_end = std::min(line.find_first_of(blank), line.size());
  const size_t begin = std::min(line.find_first_not_of(blank, name_end), line.size());
  const size_t end = line.find_last_not_of(blank) + 1;
  return {std::string(line.substr(0, name_end)), std::string(line.substr(begin, end > begin ? end - begin : 0))};
}

class Shell {
 public:
  explicit Shell(StatementRunner& runner)
      : runner_(runner), console_(runner.context().console), editor_(history_file()) {}

  int run() {
    console_.message(kGreeting);
    runner_.options().summary = true;
    while (!done_ && !console_.out().closed()) {
      const auto line = editor_.read(prompt());
      if (!line) return leave();
      take(*line);
    }
    return kOk;
  }

 private:
  struct Command {
    std::string_view name, argument, help;
    void (Shell::*action)(const std::string& argument);
  };
  static const std::array<Command, 7> kCommands;

  static std::string history_file() {
    const std::string home = environment_variable("HOME");
    return home.empty() ? "" : home + "/.weir_history";
  }

  int leave() {
    console_.message("");
    return kOk;
  }

  /// What is open shows in the prompt: a quote, a comment, or a statement without its semicolon.
  std::string prompt() const {
    if (buffer_.empty()) return "weir> ";
    switch (split_statements(buffer_).inside) {
      case Inside::single_quotes:
        return "  '> ";
      case Inside::double_quotes:
        return "  \"> ";
      case Inside::dollar_quotes:
        return "  $> ";
      case Inside::comment:
        return "  *> ";
      case Inside::nothing:
        break;
    }
    return "  -> ";
  }

  void take(const EditedLine& line) {
    if (line.abandoned) {
      buffer_.clear();
      return;
    }
    if (buffer_.empty() && line.text.starts_with('\\')) return command(line.text);
    buffer_ += line.text + "\n";
    SplitText split = split_statements(buffer_);
    for (const Statement& statement : split.statements) {
      if (!run(statement.text)) break;
    }
    const bool open = !split.rest.text.empty() || split.inside != Inside::nothing;
    buffer_ = open ? split.rest.text + "\n" : "";
  }

  /// False when it failed: what stands behind it on the same line does not run.
  bool run(std::string_view statement) {
    const auto begin = std::chrono::steady_clock::now();
    const Status status = runner_.run(statement);
    if (!status) console_.error(status.error());
    if (timing_) {
      const auto elapsed = std::chrono::steady_clock::now() - begin;
      console_.message(
          "time: " + std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(elapsed).count()) + " ms");
    }
    return status.has_value();
  }

  void command(std::string_view line) {
    const auto [name, argument] = split_command(line);
    for (const Command& known : kCommands) {
      if (known.name == name) return (this->*known.action)(argument);
    }
    console_.message("unknown command " + name + "; \\? lists them");
  }

  void quit(const std::string&) { done_ = true; }

  void help(const std::string&) {
    for (const Command& known : kCommands) {
      std::string usage = std::string(known.name) + (known.argument.empty() ? "" : " ") + std::string(known.argument);
      usage.resize(std::max<size_t>(usage.size(), 18), ' ');
      console_.message(usage + std::string(known.help));
    }
    console_.message("Ctrl-C cancels the running query or drops the typed lines. SET and USE hold for this shell.");
  }

  void describe(const std::string& table) { run(table.empty() ? std::string(kListTables) : "DESCRIBE " + table); }

  void toggle_timing(const std::string&) {
    timing_ = !timing_;
    console_.message(timing_ ? "timing is on" : "timing is off");
  }

  void toggle_summary(const std::string&) {
    runner_.options().summary = !runner_.options().summary;
    console_.message(runner_.options().summary ? "summary is on" : "summary is off");
  }

  void set_format(const std::string& name) {
    const auto format = format::parse_format(name);
    if (!format) return console_.error(format.error());
    if (*format == format::Format::arrow)
      return console_.message("arrow is binary: use weir sql --format arrow > FILE");
    runner_.options().format = *format;
  }

  void run_file(const std::string& file) {
    const auto text = read_text(file);
    if (!text) return console_.error(text.error());
    run_script(runner_, console_, *text, file);
  }

  StatementRunner& runner_;
  Console& console_;
  LineEditor editor_;
  std::string buffer_;
  bool timing_ = false, done_ = false;
};

const std::array<Shell::Command, 7> Shell::kCommands = {{
    {"\\q", "", "leave", &Shell::quit},
    {"\\?", "", "this list", &Shell::help},
    {"\\d", "[TABLE]", "list the tables, or the columns of one", &Shell::describe},
    {"\\i", "FILE", "run the statements of a file", &Shell::run_file},
    {"\\timing", "", "show how long each statement takes, as seen from here", &Shell::toggle_timing},
    {"\\summary", "", "show what ran on which source after each answer", &Shell::toggle_summary},
    {"\\format", "NAME", "table, csv, json or ndjson", &Shell::set_format},
}};

}  // namespace

int run_shell(StatementRunner& runner) {
  // Between two statements there is nothing to cancel, and Ctrl-C must not end the shell.
  const auto handling = runner.context().signals.on_signal([](int signal) { return signal == SIGINT; });
  return Shell(runner).run();
}

}  // namespace weir::cli
