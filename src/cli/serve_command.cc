/// `weir serve`: the server, until a signal ends it.
#include <memory>

#include <CLI/Option.hpp>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "cli/command.h"
#include "cli/declared_flags.h"
#include "cli/instance.h"
#include "cli/serve_options.h"
#include "cli/text_input.h"

namespace weir::cli {
namespace {

struct ServeArguments {
  std::string config;
  std::unique_ptr<DeclaredFlags> flags;
};

Result<nlohmann::json> read_config(const std::string& file) {
  if (file.empty()) return nlohmann::json::object();
  auto config = nlohmann::json::parse(WEIR_TRY(read_text(file)), nullptr, false, true);
  if (config.is_object()) return config;
  return fail(ErrorCode::invalid_option, "not a JSON object: " + file, "See the example in docs/cli.md.");
}

/// The first signal drains, the second ends at once: every commit is durable, so nothing is lost by that.
class StopOnSignal {
 public:
  explicit StopOnSignal(server::Server& server) : server_(server) {}
  bool operator()(int signal) {
    if (asked_) _exit(128 + signal);
    asked_ = true;
    server_.stop();
    return true;
  }

 private:
  server::Server& server_;
  bool asked_ = false;
};

Status serve(const ServeOptions& options, Context& context) {
  telemetry::configure_log(options.log_format, options.log_level);
  const auto instance = WEIR_TRY(
      Instance::open(options.data_dir, "http://" + options.server.listen, options.engine, /*keeps_copies=*/true));
  const auto server =
      WEIR_TRY(server::Server::open(options.server, *instance->fleet, *instance->engine, instance->metrics));
  const std::string url = "http://" + server->address();
  WEIR_TRY(instance->directory->announce(url));
  const auto handling = context.signals.on_signal(StopOnSignal(*server));
  WEIR_TRY(context.console.out().write("weir " WEIR_VERSION " is ready at " + url + " (data in " +
                                       options.data_dir.string() + ")\n"));
  server->run();
  return {};
}

Status run(const ServeArguments& arguments, Context& context) {
  const auto config = WEIR_TRY(arguments.flags->over(WEIR_TRY(read_config(arguments.config))));
  return serve(WEIR_TRY(read_serve_options(config)), context);
}

}  // namespace

void add_serve_command(CLI::App& app, Action& chosen) {
  CLI::App* command = app.add_subcommand("serve", "Run the server");
  auto arguments = std::make_shared<ServeArguments>();
  command->add_option("--config", arguments->config, "JSON file of these options, with _ for -; flags win over it");
  arguments->flags = std::make_unique<DeclaredFlags>(serve_declaration(), *command);
  command->callback([arguments, &chosen] {
    chosen = [arguments](Context& context) { return context.console.exit_code(run(*arguments, context)); };
  });
}

}  // namespace weir::cli
