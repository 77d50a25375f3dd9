/// Runs statements one after the other and prints what they answer: the common part of script and shell.
#pragma once

#include <string>
#include <string_view>

#include "cli/answer_printer.h"
#include "cli/command.h"
#include "cli/remembered_settings.h"
#include "cli/session.h"

namespace weir::cli {

class StatementRunner {
 public:
  StatementRunner(Session& session, Context& context, PrintOptions options)
      : session_(session), context_(context), options_(options) {}

  /// Runs one statement; SIGINT cancels it. Errors: those of Session::run.
  Status run(std::string_view statement);
  PrintOptions& options() { return options_; }
  Context& context() { return context_; }

 private:
  Session& session_;
  Context& context_;
  PrintOptions options_;
  RememberedSettings settings_;
};

/// Runs all statements of `text` and stops at the first that fails. `name` is what errors call the text ("load.sql");
/// without one they have no place. Returns the exit code.
int run_script(StatementRunner& runner, Console& console, std::string_view text, const std::string& name);

}  // namespace weir::cli
