/// The command line as a whole.
#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include <CLI/Config.hpp>
#include <CLI/Error.hpp>
#include <CLI/Formatter.hpp>
#include <CLI/Option.hpp>

#include "base/nearest.h"
#include "cli/command.h"

namespace weir::cli {
namespace {

constexpr char kDescription[] =
    "Weir answers SQL across databases where they stand and keeps tables of its own in a lake.";
constexpr char kFooter[] =
    "Exit codes: 0 ok, 1 failed, 2 usage. Start with: weir serve, then in another terminal: weir sql";

bool is_flag(const std::string& argument) { return argument.starts_with("-"); }

std::vector<std::string> flags_of(const CLI::App& command) {
  std::vector<std::string> flags;
  for (const CLI::Option* option : command.get_options()) {
    for (const std::string& name : option->get_lnames()) flags.push_back("--" + name);
  }
  return flags;
}

std::vector<std::string> commands_of(const CLI::App& command) {
  std::vector<std::string> names;
  for (const CLI::App* each : command.get_subcommands([](const CLI::App*) { return true; })) {
    if (!each->get_group().empty()) names.push_back(each->get_name());
  }
  return names;
}

/// What is wrong with an argument that nothing takes, and what was most likely meant; empty when there is none.
std::string unknown_argument(const CLI::App& app) {
  const CLI::App* command = &app;
  std::string called = app.get_name();
  while (!command->get_subcommands().empty()) {
    command = command->get_subcommands().front();
    called += " " + command->get_name();
  }
  auto left = command->remaining();
  if (left.empty()) return {};
  // A word behind an unknown flag is most likely its value.
  const auto flag = std::ranges::find_if(left, is_flag);
  const std::string given = flag == left.end() ? left.front() : flag->substr(0, flag->find('='));
  const auto known = flag == left.end() ? commands_of(*command) : flags_of(*command);
  const std::string what = flag != left.end() ? "flag" : known.empty() ? "argument" : "command";
  const std::string offer = did_you_mean(given, known);
  return called + ": unknown " + what + " '" + given + "'" +
         (offer.empty() ? "\n" + called + " --help lists what there is" : ": " + offer);
}

void add_commands(CLI::App& app, Action& chosen) {
  add_serve_command(app, chosen);
  add_sql_command(app, chosen);
  add_explain_command(app, chosen);
  add_connector_command(app, chosen);
  add_verify_command(app, chosen);
  add_version_command(app, chosen);
  add_docs_command(app, chosen);
  add_planned_commands(app, chosen);
}

}  // namespace

int run_program(int argc, const char* const* argv, Context& context) {
  CLI::App app(kDescription, "weir");
  app.footer(kFooter);
  app.set_version_flag("--version", "weir " WEIR_VERSION, "Show the version");
  app.require_subcommand(1);
  Action chosen;
  add_commands(app, chosen);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const std::string unknown = unknown_argument(app);
    if (error.get_exit_code() == 0 || (unknown.empty() && argc > 1)) {
      // Help and version are "errors" of code 0 to CLI11; it prints them, and usage errors to standard error.
      return app.exit(error) == 0 ? kOk : kUsage;
    }
    context.console.message(unknown.empty() ? app.help() : unknown);
    return kUsage;
  }
  return chosen(context);
}

}  // namespace weir::cli
