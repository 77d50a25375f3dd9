/// `weir sql`: one query, a script, or a shell.
#include <memory>
#include <optional>

#include <CLI/Option.hpp>
#include <unistd.h>

#include "cli/command.h"
#include "cli/local_session.h"
#include "cli/remote_session.h"
#include "cli/server_access.h"
#include "cli/shell.h"
#include "cli/statement_runner.h"
#include "cli/text_input.h"
#include "telemetry/log.h"

namespace weir::cli {
namespace {

struct SqlArguments {
  ServerAccess server;
  std::optional<std::string> query;
  std::string file, data_dir;
  std::string format = "table";
  bool summary = false;
};

Result<std::unique_ptr<Session>> open_session(const SqlArguments& arguments) {
  if (arguments.data_dir.empty()) return open_remote_session(WEIR_TRY(arguments.server.address()));
  telemetry::configure_log(telemetry::LogFormat::text, telemetry::Level::warning);
  return open_local_session(arguments.data_dir);
}

Result<int> run(const SqlArguments& arguments, Context& context) {
  const PrintOptions options{WEIR_TRY(format::parse_format(arguments.format)), arguments.summary};
  const auto session = WEIR_TRY(open_session(arguments));
  StatementRunner runner(*session, context, options);
  if (arguments.query) return run_script(runner, context.console, *arguments.query, "");
  if (!arguments.file.empty()) {
    const std::string text = WEIR_TRY(read_text(arguments.file));
    return run_script(runner, context.console, text, arguments.file == "-" ? "standard input" : arguments.file);
  }
  if (isatty(STDIN_FILENO) == 1) return run_shell(runner);
  return run_script(runner, context.console, WEIR_TRY(read_text("-")), "standard input");
}

}  // namespace

void add_sql_command(CLI::App& app, Action& chosen) {
  CLI::App* command = app.add_subcommand("sql", "Run SQL: one query, a script, or an interactive shell");
  auto arguments = std::make_shared<SqlArguments>();
  CLI::Option* query =
      command->add_option("query", arguments->query, "SQL text; without it and -f, a shell (or standard input)");
  command->add_option("-f,--file", arguments->file, "Run the statements of this file; - is standard input")
      ->excludes(query);
  arguments->server.declare(*command);
  command->add_option("--data-dir", arguments->data_dir, "Run on this data directory without a server, as admin")
      ->excludes("--url")
      ->excludes("--token-file");
  command->add_option("--format", arguments->format, "How answers are printed")
      ->check(CLI::IsMember({"table", "csv", "json", "ndjson", "arrow"}))
      ->capture_default_str();
  command->add_flag("--summary", arguments->summary, "Show on standard error what ran on which source");
  command->footer("SET and USE hold for the statements after them in the same script or shell.");
  command->callback([arguments, &chosen] {
    chosen = [arguments](Context& context) {
      const auto code = run(*arguments, context);
      return code ? *code : context.console.exit_code(fail(code.error()));
    };
  });
}

}  // namespace weir::cli
