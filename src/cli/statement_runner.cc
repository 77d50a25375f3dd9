/// One statement at a time.
#include "cli/statement_runner.h"

#include <csignal>

#include "cli/statement_splitter.h"

namespace weir::cli {

Status StatementRunner::run(std::string_view statement) {
  AnswerPrinter printer(options_, context_.console);
  Status status;
  {
    const auto handling = context_.signals.on_signal([this](int signal) {
      if (signal == SIGINT) session_.cancel();
      return signal == SIGINT;
    });
    status = session_.run(settings_.apply(statement), printer);
  }
  if (status) {
    settings_.note(statement);
  } else {
    printer.fail(status.error());
  }
  return status;
}

int run_script(StatementRunner& runner, Console& console, std::string_view text, const std::string& name) {
  SplitText split = split_statements(text);
  if (!split.rest.text.empty()) split.statements.push_back(std::move(split.rest));
  for (const Statement& statement : split.statements) {
    const Status status = runner.run(statement.text);
    if (console.out().closed()) return kOk;
    if (status) continue;
    console.error(status.error(), name.empty() ? "" : name + ":" + std::to_string(statement.line));
    return kFailed;
  }
  return kOk;
}

}  // namespace weir::cli
