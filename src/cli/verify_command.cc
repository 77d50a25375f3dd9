/// `weir verify`: whether a live copy has what its source has.
#include <memory>

#include <CLI/Option.hpp>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "cli/http_client.h"
#include "cli/json_table.h"
#include "cli/server_access.h"

namespace weir::cli {
namespace {

using nlohmann::json;

struct VerifyArguments {
  ServerAccess server;
  std::string table;
  std::string format = "table";
};

/// Of a row that both sides have, only the columns in which they differ.
json differing(const json& example, const char* side, const char* other) {
  const json& row = example.at(side);
  if (!row.is_object() || !example.at(other).is_object() || row == example.at(other)) return row;
  json columns = json::object();
  for (const auto& [name, value] : row.items()) {
    if (value != example.at(other).value(name, json())) columns[name] = value;
  }
  return columns;
}

std::string shown(json answer, const format::TableOptions& options) {
  json examples = json::array();
  for (const json& example : answer.at("examples")) {
    examples.push_back({{"key", example.at("key")},
                        {"kind", example.at("kind")},
                        {"source", differing(example, "source", "copy")},
                        {"copy", differing(example, "copy", "source")}});
  }
  answer.erase("examples");
  std::string text = records_table(
      json::array({answer}),
      {"table", "rows_source", "rows_copy", "equal", "missing", "extra", "different", "not_compared", "position"},
      options);
  if (!examples.empty()) text += records_table(examples, {"key", "kind", "source", "copy"}, options);
  return text;
}

Result<int> run(const VerifyArguments& arguments, Context& context) {
  const auto dot = arguments.table.find('.');
  if (dot == std::string::npos || arguments.table.find('.', dot + 1) == std::string::npos) {
    return fail(ErrorCode::invalid_request, "not of the form connector.schema.table: '" + arguments.table + "'",
                "For example: weir verify pg_prod.public.users");
  }
  const auto client = WEIR_TRY(HttpClient::open(WEIR_TRY(arguments.server.address())));
  json answer = WEIR_TRY(client->json({.method = "POST",
                                       .path = "/v1/connectors/" + percent_encoded(arguments.table.substr(0, dot)) +
                                               "/verify?table=" + percent_encoded(arguments.table.substr(dot + 1))}));
  const bool equal = answer.at("equal").get<bool>();
  const auto left = answer.at("not_compared").get<uint64_t>();
  const auto rounds = answer.at("rounds").get<int>();
  Console& console = context.console;
  WEIR_TRY(console.out().write(arguments.format == "json"
                                   ? answer.dump(2, ' ', false, json::error_handler_t::replace) + "\n"
                                   : shown(std::move(answer), console.table_on_out())));
  if (left > 0) {
    console.message("not compared: " + std::to_string(left) + " rows that changed in each of " +
                    std::to_string(rounds) + " rounds");
  }
  return equal ? kOk : kFailed;
}

}  // namespace

void add_verify_command(CLI::App& app, Action& chosen) {
  CLI::App* command = app.add_subcommand("verify", "Compare a live copy with its source, row by row");
  auto arguments = std::make_shared<VerifyArguments>();
  command->add_option("table", arguments->table, "The table as queries name it: connector.schema.table")->required();
  arguments->server.declare(*command);
  command->add_option("--format", arguments->format, "How the result is printed")
      ->check(CLI::IsMember({"table", "json"}))
      ->capture_default_str();
  command->footer("Exit code 1 when they differ.");
  command->callback([arguments, &chosen] {
    chosen = [arguments](Context& context) {
      const auto code = run(*arguments, context);
      return code ? *code : context.console.exit_code(fail(code.error()));
    };
  });
}

}  // namespace weir::cli
