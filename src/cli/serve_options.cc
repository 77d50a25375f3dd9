/// Declaration and binding.
#include "cli/serve_options.h"

#include <array>
#include <charconv>

#include <nlohmann/json.hpp>

#include "options/binding.h"

namespace weir::cli {
namespace {

using options::Option;
using options::ValueType;

/// What binds straight to fields; the rest is read by hand below because it needs a conversion with errors.
struct Bound {
  std::string data_dir, listen, token_file, memory_limit, catalog, storage;
  std::vector<std::string> allow_dir;
  int threads = 0, max_connections = 0, max_queries = 0, scan_streams_max = 0;
  uint64_t max_body_bytes = 0;
  std::chrono::milliseconds drain_limit_ms{0};
  telemetry::LogFormat log_format = telemetry::LogFormat::text;
  telemetry::Level log_level = telemetry::Level::info;
};

const options::Binding<Bound>& binding() {
  using telemetry::Level;
  using telemetry::LogFormat;
  static const options::Binding<Bound> kBinding =
      options::Binding<Bound>()
          .field("data_dir", &Bound::data_dir)
          .field("listen", &Bound::listen)
          .field("token_file", &Bound::token_file)
          .field("threads", &Bound::threads)
          .field("memory_limit", &Bound::memory_limit)
          .field("allow_dir", &Bound::allow_dir)
          .field("max_body_bytes", &Bound::max_body_bytes)
          .field("max_connections", &Bound::max_connections)
          .field("max_queries", &Bound::max_queries)
          .field("scan_streams_max", &Bound::scan_streams_max)
          .field("drain_limit_ms", &Bound::drain_limit_ms)
          .choice("log_format", &Bound::log_format, {{"text", LogFormat::text}, {"json", LogFormat::json}})
          .choice(
              "log_level", &Bound::log_level,
              {{"debug", Level::debug}, {"info", Level::info}, {"warning", Level::warning}, {"error", Level::error}})
          .field("catalog", &Bound::catalog)
          .field("storage", &Bound::storage);
  return kBinding;
}

/// Where the server keeps things and who may ask.
std::vector<Option> place_options() {
  const server::ServerOptions server;
  return {
      {.name = "data_dir",
       .doc = "Directory of the lake and of the registered connectors; made when missing.",
       .example = "./weir-data",
       .default_value = "./weir-data"},
      {.name = "listen",
       .doc = "Address and port; port 0 takes a free one. Other addresses than loopback need --token-file.",
       .example = "127.0.0.1:8080",
       .default_value = server.listen},
      {.name = "token_file",
       .doc = "File of tokens, one 'token role [schema,…]' per line, mode 0600.",
       .example = "/etc/weir/tokens"},
      {.name = "allow_dir",
       .type = ValueType::string_list,
       .doc = "Directory in which an admin's SQL may read and write files; may be given several times.",
       .example = "/srv/exchange"},
  };
}

/// How much it may use.
std::vector<Option> limit_options() {
  const engine::EngineOptions engine;
  const server::ServerOptions server;
  return {
      {.name = "threads",
       .type = ValueType::integer,
       .doc = "Threads of the engine; 0 is one per core.",
       .example = "4",
       .default_value = engine.threads,
       .minimum = 0,
       .maximum = 1024},
      {.name = "memory_limit", .doc = "Memory of the engine; without it 80 % of the machine's.", .example = "4GB"},
      {.name = "max_body_bytes",
       .type = ValueType::integer,
       .doc = "Largest request body, in bytes.",
       .example = "16777216",
       .default_value = server.body_bytes_max,
       .minimum = 1024},
      {.name = "max_connections",
       .type = ValueType::integer,
       .doc = "Clients that may be connected at the same time.",
       .example = "256",
       .default_value = server.connections_max,
       .minimum = 1,
       .maximum = 100'000},
      {.name = "max_queries",
       .type = ValueType::integer,
       .doc = "Queries that may run at the same time.",
       .example = "64",
       .default_value = engine.queries_running_max,
       .minimum = 1,
       .maximum = 10'000},
      {.name = "scan_streams_max",
       .type = ValueType::integer,
       .doc = "Connections to a source that one scan may use.",
       .example = "4",
       .default_value = engine.scan_streams_max,
       .minimum = 1,
       .maximum = 64},
      {.name = "drain_limit_ms",
       .type = ValueType::integer,
       .doc = "How long running queries may finish after SIGTERM, in milliseconds.",
       .example = "30000",
       .default_value = server.drain_limit.count(),
       .minimum = 0},
  };
}

/// What it tells.
std::vector<Option> log_options() {
  return {
      {.name = "log_format",
       .doc = "Form of the log on standard error.",
       .example = "json",
       .default_value = "text",
       .choices = {"text", "json"}},
      {.name = "log_level",
       .doc = "Lowest level that is logged.",
       .example = "info",
       .default_value = "info",
       .choices = {"debug", "info", "warning", "error"}},
  };
}

/// What comes later.
std::vector<Option> planned_options() {
  return {
      {.name = "catalog", .doc = "A catalog shared by several servers (not available yet).", .example = "postgres://…"},
      {.name = "storage", .doc = "An object store for the lake (not available yet).", .example = "s3://…"},
  };
}

options::Group make_declaration() {
  options::Group group{.name = "serve", .doc = "Options of weir serve.", .options = place_options()};
  for (auto&& more : {limit_options(), log_options(), planned_options()}) {
    group.options.insert(group.options.end(), more.begin(), more.end());
  }
  return group;
}

constexpr std::array<std::pair<std::string_view, uint64_t>, 10> kUnits = {{{"", 1},
                                                                           {"B", 1},
                                                                           {"KB", 1'000},
                                                                           {"MB", 1'000'000},
                                                                           {"GB", 1'000'000'000},
                                                                           {"TB", 1'000'000'000'000},
                                                                           {"KiB", 1ULL << 10},
                                                                           {"MiB", 1ULL << 20},
                                                                           {"GiB", 1ULL << 30},
                                                                           {"TiB", 1ULL << 40}}};

}  // namespace

const options::Group& serve_declaration() {
  static const options::Group kDeclaration = make_declaration();
  return kDeclaration;
}

Result<ServeOptions> read_serve_options(const nlohmann::json& given) {
  const Bound bound = WEIR_TRY(binding().read(WEIR_TRY(options::validate(serve_declaration(), given))));
  if (!bound.catalog.empty() || !bound.storage.empty()) {
    return fail(ErrorCode::not_available_yet,
                bound.catalog.empty() ? "--storage is not available yet: the lake's files live in --data-dir"
                                      : "--catalog is not available yet: the catalog lives in --data-dir");
  }
  ServeOptions options;
  options.data_dir = bound.data_dir;
  options.server.listen = bound.listen;
  options.server.token_file = bound.token_file;
  options.server.connections_max = bound.max_connections;
  options.server.body_bytes_max = bound.max_body_bytes;
  options.server.drain_limit = bound.drain_limit_ms;
  options.engine.threads = bound.threads;
  if (!bound.memory_limit.empty()) options.engine.memory_limit_bytes = WEIR_TRY(parse_bytes(bound.memory_limit));
  options.engine.allow_dirs.assign(bound.allow_dir.begin(), bound.allow_dir.end());
  options.engine.queries_running_max = bound.max_queries;
  options.engine.scan_streams_max = bound.scan_streams_max;
  options.log_format = bound.log_format;
  options.log_level = bound.log_level;
  return options;
}

Result<uint64_t> parse_bytes(const std::string& text) {
  uint64_t number = 0;
  const auto [rest, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  std::string_view unit(rest, static_cast<size_t>(text.data() + text.size() - rest));
  if (unit.starts_with(' ')) unit.remove_prefix(1);
  for (const auto& [name, factor] : kUnits) {
    if (problem == std::errc() && unit == name && number <= UINT64_MAX / factor) return number * factor;
  }
  return fail(ErrorCode::invalid_option, "not a size: " + text, "Write it as 512MB, 4GB or 2GiB.");
}

}  // namespace weir::cli
