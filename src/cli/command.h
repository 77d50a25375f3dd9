/// The commands of the program. Each has a file of its own and declares its flags on CLI11.
#pragma once

#include <functional>

#include <CLI/App.hpp>

#include "cli/console.h"
#include "cli/signals.h"

namespace weir::cli {

/// What a command works with.
struct Context {
  Console& console;
  Signals& signals;
};

/// What the parsed command line asks for: set by the chosen command, run after parsing. Returns the exit code.
using Action = std::function<int(Context&)>;

void add_serve_command(CLI::App& app, Action& chosen);
void add_sql_command(CLI::App& app, Action& chosen);
void add_explain_command(CLI::App& app, Action& chosen);
void add_connector_command(CLI::App& app, Action& chosen);
void add_verify_command(CLI::App& app, Action& chosen);
void add_version_command(CLI::App& app, Action& chosen);
/// Hidden: for ./dev docs.
void add_docs_command(CLI::App& app, Action& chosen);
/// run, check, runs, lake: they say what comes.
void add_planned_commands(CLI::App& app, Action& chosen);

/// Parses the command line and runs what it asks for. Returns the exit code.
int run_program(int argc, const char* const* argv, Context& context);

}  // namespace weir::cli
