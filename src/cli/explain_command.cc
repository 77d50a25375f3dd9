/// `weir explain`: what a query would do, and where.
#include <memory>

#include <CLI/Option.hpp>

#include "cli/command.h"
#include "cli/remote_session.h"
#include "cli/server_access.h"
#include "cli/statement_runner.h"

namespace weir::cli {
namespace {

struct ExplainArguments {
  ServerAccess server;
  std::string query;
  std::string format = "table";
  bool analyze = false;
};

Status run(const ExplainArguments& arguments, Context& context) {
  const PrintOptions options{WEIR_TRY(format::parse_format(arguments.format)), false};
  const auto session = WEIR_TRY(open_remote_session(WEIR_TRY(arguments.server.address())));
  StatementRunner runner(*session, context, options);
  return runner.run((arguments.analyze ? "EXPLAIN ANALYZE " : "EXPLAIN ") + arguments.query);
}

}  // namespace

void add_explain_command(CLI::App& app, Action& chosen) {
  CLI::App* command = app.add_subcommand("explain", "Show the plan of a query and what its sources would do");
  auto arguments = std::make_shared<ExplainArguments>();
  command->add_option("query", arguments->query, "SQL text of one query")->required();
  arguments->server.declare(*command);
  command->add_flag("--analyze", arguments->analyze, "Run the query and show what it took");
  command->add_option("--format", arguments->format, "How the plan is printed")
      ->check(CLI::IsMember({"table", "csv", "json", "ndjson", "arrow"}))
      ->capture_default_str();
  command->callback([arguments, &chosen] {
    chosen = [arguments](Context& context) { return context.console.exit_code(run(*arguments, context)); };
  });
}

}  // namespace weir::cli
