/// The command line as a whole.
#include <memory>

#include <CLI/Config.hpp>
#include <CLI/Error.hpp>
#include <CLI/Formatter.hpp>

#include "cli/command.h"

namespace weir::cli {
namespace {

constexpr char kDescription[] =
    "Weir answers SQL across databases where they stand and keeps tables of its own in a lake.";
constexpr char kFooter[] =
    "Exit codes: 0 ok, 1 failed, 2 usage. Start with: weir serve, then in another terminal: weir sql";

}  // namespace

int run_program(int argc, const char* const* argv, Context& context) {
  CLI::App app(kDescription, "weir");
  app.footer(kFooter);
  app.require_subcommand(1);
  Action chosen;
  add_serve_command(app, chosen);
  add_sql_command(app, chosen);
  add_explain_command(app, chosen);
  add_connector_command(app, chosen);
  add_verify_command(app, chosen);
  add_version_command(app, chosen);
  add_docs_command(app, chosen);
  add_planned_commands(app, chosen);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    // Help and version are "errors" of code 0 to CLI11; it prints them, and usage errors to standard error.
    return app.exit(error) == 0 ? kOk : kUsage;
  }
  return chosen(context);
}

}  // namespace weir::cli
