/// `weir connector`: the registered connectors of a server, over REST.
#include <memory>

#include <CLI/Option.hpp>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "cli/http_client.h"
#include "cli/json_table.h"
#include "cli/server_access.h"
#include "cli/text_input.h"

namespace weir::cli {
namespace {

using nlohmann::json;

struct ConnectorArguments {
  ServerAccess server;
  std::string name, table, file, scope = "all", format = "table";
};

using Request = Result<HttpRequest> (*)(const ConnectorArguments& arguments);

/// What a subcommand takes besides the server's flags.
struct Takes {
  bool name = false, table = false, file = false, scope = false;
};

/// One subcommand.
struct Verb {
  const char* name;
  const char* description;
  Takes takes;
  Request request;
  /// How people see the answer: a line per record with these columns, or, without columns, a line per field.
  std::vector<std::string_view> columns{};
};

std::string path_of(const ConnectorArguments& arguments) { return "/v1/connectors/" + percent_encoded(arguments.name); }

/// A request whose body is the JSON document in --file.
Result<HttpRequest> with_file(const char* method, std::string path, const ConnectorArguments& arguments) {
  HttpRequest request{.method = method, .path = std::move(path)};
  request.body = WEIR_TRY(read_text(arguments.file));
  if (!json::accept(request.body)) return fail(ErrorCode::invalid_request, "not JSON: " + arguments.file);
  return request;
}

Result<HttpRequest> get_list(const ConnectorArguments&) { return HttpRequest{.path = "/v1/connectors"}; }
Result<HttpRequest> get_types(const ConnectorArguments&) { return HttpRequest{.path = "/v1/connectors/catalog"}; }
Result<HttpRequest> get_one(const ConnectorArguments& arguments) { return HttpRequest{.path = path_of(arguments)}; }
Result<HttpRequest> get_status(const ConnectorArguments& arguments) {
  return HttpRequest{.path = path_of(arguments) + "/status"};
}
Result<HttpRequest> get_events(const ConnectorArguments& arguments) {
  return HttpRequest{.path = path_of(arguments) + "/events"};
}
Result<HttpRequest> add(const ConnectorArguments& arguments) { return with_file("POST", "/v1/connectors", arguments); }
Result<HttpRequest> test(const ConnectorArguments& arguments) {
  return with_file("POST", "/v1/connectors/test-connection", arguments);
}
Result<HttpRequest> update(const ConnectorArguments& arguments) {
  return with_file("PATCH", path_of(arguments), arguments);
}
Result<HttpRequest> remove(const ConnectorArguments& arguments) {
  return HttpRequest{.method = "DELETE", .path = path_of(arguments)};
}
Result<HttpRequest> pause(const ConnectorArguments& arguments) {
  return HttpRequest{.method = "POST", .path = path_of(arguments) + "/pause?scope=" + arguments.scope};
}
Result<HttpRequest> resume(const ConnectorArguments& arguments) {
  return HttpRequest{.method = "POST", .path = path_of(arguments) + "/resume?scope=" + arguments.scope};
}

Result<HttpRequest> resync(const ConnectorArguments& arguments) {
  return HttpRequest{.method = "POST",
                     .path = path_of(arguments) + "/resync?table=" + percent_encoded(arguments.table)};
}

const std::vector<Verb>& verbs() {
  static const std::vector<std::string_view> kSummary = {"name", "type", "mode", "paused", "id", "created_at"};
  static const std::vector<Verb> kVerbs = {
      {"list", "List the connectors", {}, get_list, kSummary},
      {"types", "List the types of connectors that the server knows", {}, get_types, {"type", "modes", "description"}},
      {"get", "Show a connector; secrets are masked", {.name = true}, get_one},
      {"add", "Register the connector that a JSON file describes", {.file = true}, add},
      {"update", "Merge a JSON file into a connector's description", {.name = true, .file = true}, update},
      {"delete",
       "Remove a connector and its live copies; the source keeps its tables and loses the slot and publication of the "
       "copies",
       {.name = true},
       remove},
      {"status", "Show whether a connector works, and how fast", {.name = true}, get_status},
      {"events",
       "Show what happened to a connector",
       {.name = true},
       get_events,
       {"at", "table", "from", "to", "reason"}},
      {"test", "Connect once by a JSON file, without registering it", {.file = true}, test},
      {"pause", "Pause a connector", {.name = true, .scope = true}, pause, kSummary},
      {"resume", "Resume a connector", {.name = true, .scope = true}, resume, kSummary},
      {"resync", "Copy a table of a live copy anew", {.name = true, .table = true}, resync},
  };
  return kVerbs;
}

std::string shown(const Verb& verb, const json& answer, const format::TableOptions& options) {
  if (answer.is_null() || answer.empty()) return {};
  if (verb.columns.empty()) return fields_table(answer, options);
  return records_table(answer.contains("items") ? answer["items"] : json::array({answer}), verb.columns, options);
}

Status run(const Verb& verb, const ConnectorArguments& arguments, Context& context) {
  const auto client = WEIR_TRY(HttpClient::open(WEIR_TRY(arguments.server.address())));
  const json answer = WEIR_TRY(client->json(WEIR_TRY(verb.request(arguments))));
  // A test that could not connect is an answer to the server and a failure to whoever typed it.
  if (answer.is_object() && answer.contains("error")) return fail(error_of_envelope(answer["error"]));
  Output& out = context.console.out();
  if (arguments.format == "json") {
    return answer.is_null() ? Status() : out.write(answer.dump(2, ' ', false, json::error_handler_t::replace) + "\n");
  }
  return out.write(shown(verb, answer, context.console.table_on_out()));
}

void add_verb(CLI::App& connector, const Verb& verb, Action& chosen) {
  CLI::App* command = connector.add_subcommand(verb.name, verb.description);
  auto arguments = std::make_shared<ConnectorArguments>();
  if (verb.takes.name) command->add_option("name", arguments->name, "The connector's name or id")->required();
  if (verb.takes.table) {
    command->add_option("table", arguments->table, "The table on the source: schema.table")->required();
  }
  if (verb.takes.file) {
    command->add_option("-f,--file", arguments->file, "JSON file, as for POST /v1/connectors; - is standard input")
        ->required();
  }
  if (verb.takes.scope) {
    command->add_option("--scope", arguments->scope, "What it touches")
        ->check(CLI::IsMember({"all", "sync", "federation"}))
        ->capture_default_str();
  }
  arguments->server.declare(*command);
  command->add_option("--format", arguments->format, "How the answer is printed")
      ->check(CLI::IsMember({"table", "json"}))
      ->capture_default_str();
  command->callback([arguments, &verb, &chosen] {
    chosen = [arguments, &verb](Context& context) { return context.console.exit_code(run(verb, *arguments, context)); };
  });
}

}  // namespace

void add_connector_command(CLI::App& app, Action& chosen) {
  CLI::App* connector = app.add_subcommand("connector", "Register, look at and change a server's connectors");
  connector->require_subcommand(1);
  for (const Verb& verb : verbs()) add_verb(*connector, verb, chosen);
}

}  // namespace weir::cli
