/// Commands of the design that are not built yet: each says what it will do.
#include <array>

#include "cli/command.h"

namespace weir::cli {
namespace {

struct PlannedCommand {
  const char* name;
  const char* description;
};

constexpr std::array kPlanned = {
    PlannedCommand{"run", "Run a pipeline from a manifest"},
    PlannedCommand{"check", "Check a manifest without running it"},
    PlannedCommand{"runs", "Show the runs of pipelines"},
    PlannedCommand{"lake", "Fold, compact and expire the lake's tables"},
};

}  // namespace

void add_planned_commands(CLI::App& app, Action& chosen) {
  for (const PlannedCommand& planned : kPlanned) {
    CLI::App* command = app.add_subcommand(planned.name, std::string(planned.description) + " (not available yet)");
    // Whatever is given to it, the answer is that the command does not exist yet, not that its arguments are wrong.
    command->allow_extras();
    command->callback([planned, &chosen] {
      chosen = [planned](Context& context) {
        return context.console.exit_code(
            fail(ErrorCode::not_available_yet,
                 "'weir " + std::string(planned.name) + "' is not available yet: " + planned.description));
      };
    });
  }
}

}  // namespace weir::cli
