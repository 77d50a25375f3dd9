/// The options of `weir serve`: declared once, for flags, the --config file, --help and docs/cli.md.
#pragma once

#include <filesystem>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"
#include "engine/engine.h"
#include "options/options.h"
#include "server/server.h"
#include "telemetry/log.h"

namespace weir::cli {

struct ServeOptions {
  std::filesystem::path data_dir;
  server::ServerOptions server;
  engine::EngineOptions engine;
  telemetry::LogFormat log_format = telemetry::LogFormat::text;
  telemetry::Level log_level = telemetry::Level::info;
};

/// The declaration. An option's name is its key in the --config file; as a flag its underscores are hyphens.
const options::Group& serve_declaration();
/// Checks what was given and fills in defaults. Errors: unknown_option, invalid_option, not_available_yet (catalog,
/// storage).
Result<ServeOptions> read_serve_options(const nlohmann::json& given);
/// "512MB", "4 GiB", "1000000": bytes. Errors: invalid_option.
Result<uint64_t> parse_bytes(const std::string& text);

}  // namespace weir::cli
