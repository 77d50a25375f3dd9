/// `weir version`: our version and those of the libraries that matter when something looks different elsewhere.
#include <arrow/config.h>
#include <libpq-fe.h>

#include "cli/command.h"
#include "engine/engine.h"

namespace weir::cli {
namespace {

/// 150014 → "15.14".
std::string libpq_version() {
  const int number = PQlibVersion();
  return std::to_string(number / 10'000) + "." + std::to_string(number % 10'000);
}

}  // namespace

void add_version_command(CLI::App& app, Action& chosen) {
  app.add_subcommand("version", "Show the versions of Weir and of its engine")->callback([&chosen] {
    chosen = [](Context& context) {
      const std::string text = "weir " WEIR_VERSION "\n" + engine::library_version() + "\nlibpq " + libpq_version() +
                               "\nArrow " + arrow::GetBuildInfo().version_string + "\n";
      return context.console.exit_code(context.console.out().write(text));
    };
  });
}

}  // namespace weir::cli
