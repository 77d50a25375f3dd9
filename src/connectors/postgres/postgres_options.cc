/// One declaration of every option, one table that binds them.
#include "connectors/postgres/postgres_options.h"

#include <algorithm>
#include <filesystem>
#include <string_view>

#include <nlohmann/json.hpp>

#include "connector/read_limits.h"
#include "connector/registry.h"
#include "connector/sync_options.h"
#include "options/binding.h"

namespace weir::postgres {
namespace {

using options::Group;
using options::Option;
using options::ValueType;

std::vector<Option> address_options() {
  return {
      {.name = "url",
       .doc = "Where the database is: postgres://user@host:port/database; a password belongs into secret_ref.",
       .example = "postgres://app@db.example.com:5432/app",
       .required = true},
      {.name = "secret_ref",
       .doc = "The password, as a reference that is resolved at each connection: $env:NAME or $file:/path.",
       .example = "$env:PG_PROD_PASSWORD",
       .secret = true},
      {.name = "tls",
       .doc = "'required' encrypts, 'verify-full' also checks the certificate's chain and host name, 'disabled' "
              "sends everything in clear.",
       .example = "verify-full",
       .default_value = "required",
       .choices = {"required", "verify-full", "disabled"}},
      {.name = "tls_root_cert",
       .doc = "A file with the authorities that may sign the server's certificate; with 'required' the chain is "
              "checked then, but not the host name. Without it 'verify-full' uses the system's authorities.",
       .example = "/etc/weir/rds-ca.pem"},
  };
}

std::vector<Option> pool_options() {
  return {
      {.name = "pool_size",
       .type = ValueType::integer,
       .doc = "Connections that queries may use at the same time; cancelling uses one more.",
       .example = "10",
       .default_value = 5,
       .minimum = 1,
       .maximum = 50},
      {.name = "pool_wait_ms",
       .type = ValueType::integer,
       .doc = "How long a read waits for a free connection before it fails with pool_exhausted.",
       .example = "30000",
       .default_value = 10'000,
       .minimum = 0,
       .maximum = 600'000},
      {.name = "connect_timeout_ms",
       .type = ValueType::integer,
       .doc = "How long opening a connection may take.",
       .example = "3000",
       .default_value = 10'000,
       .minimum = 100,
       .maximum = 120'000},
      {.name = "statement_timeout_ms",
       .type = ValueType::integer,
       .doc = "Limit of each statement on the source; 0 keeps the setting of the source.",
       .example = "300000",
       .default_value = 0,
       .minimum = 0,
       .maximum = 86'400'000},
  };
}

std::vector<Option> reading_options() {
  return {
      {.name = "schema_cache_seconds",
       .type = ValueType::integer,
       .doc = "How long the list of tables and columns is kept before it is read anew.",
       .example = "60",
       .default_value = 300,
       .minimum = 0,
       .maximum = 86'400},
      {.name = "numeric_mode",
       .doc = "What becomes of numerics that have no exact decimal (declared without precision, or with more than "
              "38 digits): 'decimal(p,s)', where a value that does not fit is an error, 'string' or 'double'.",
       .example = "string",
       .default_value = "decimal(38,10)"},
      {.name = "array_mode",
       .doc = "What becomes of arrays: 'list', where a value with several dimensions is an error, or 'text'.",
       .example = "text",
       .default_value = "list",
       .choices = {"list", "text"}},
      {.name = "scan_streams_max",
       .type = ValueType::integer,
       .doc = "Connections that one scan of a large table may use in parallel; 1 never splits.",
       .example = "1",
       .default_value = 4,
       .minimum = 1,
       .maximum = 50},
      {.name = "small_read_rows",
       .type = ValueType::integer,
       .doc = "Reads that are expected to give no more rows run as one plain statement, larger ones as COPY.",
       .example = "1000",
       .default_value = 10'000,
       .minimum = 0,
       .maximum = 10'000'000},
      {.name = "split_read_mb",
       .type = ValueType::integer,
       .doc = "Tables larger than this many megabytes are read in ranges by several connections.",
       .example = "256",
       .default_value = 64,
       .minimum = 1,
       .maximum = 1'000'000},
  };
}

Group connection_group() {
  Group group{.name = "connection", .doc = "How the database is reached.", .options = address_options()};
  for (const auto& more : {pool_options(), reading_options()}) {
    group.options.insert(group.options.end(), more.begin(), more.end());
  }
  return group;
}

Group scope_group() {
  return {.name = "scope",
          .doc = "Which tables can be seen.",
          .options = {
              {.name = "include_schemas",
               .type = ValueType::string_list,
               .doc = "The schemas that can be seen; all but the system's when left out.",
               .example = R"(["public", "billing"])"},
              {.name = "exclude_tables",
               .type = ValueType::string_list,
               .doc = "Tables of these schemas that cannot be seen, as schema.table; * stands for any letters.",
               .example = R"(["public.audit_*"])"},
          }};
}

Group sync_group() {
  return {.name = "sync",
          .doc = "Which tables are kept as a live copy, in the modes 'sync' and 'both'.",
          .options = connector::sync_options()};
}

std::vector<Option> body_options() {
  static const Group connection = connection_group();
  static const Group scope = scope_group();
  static const Group sync = sync_group();
  std::vector<Option> all = connector::identity_options();
  all.push_back({.name = "connection",
                 .type = ValueType::group,
                 .doc = connection.doc,
                 .example = "{…}",
                 .required = true,
                 .group = &connection});
  all.push_back({.name = "scope", .type = ValueType::group, .doc = scope.doc, .example = "{…}", .group = &scope});
  const Group& limits = connector::read_limits_group();
  all.push_back({.name = "limits", .type = ValueType::group, .doc = limits.doc, .example = "{…}", .group = &limits});
  all.push_back({.name = "sync", .type = ValueType::group, .doc = sync.doc, .example = "{…}", .group = &sync});
  return all;
}

const options::Binding<PostgresOptions>& binding() {
  static const auto binding =
      options::Binding<PostgresOptions>()
          .field("connection.url", &PostgresOptions::url)
          .field("connection.secret_ref", &PostgresOptions::secret_ref)
          .choice("connection.tls", &PostgresOptions::tls,
                  {{"required", Tls::required}, {"verify-full", Tls::verify_full}, {"disabled", Tls::disabled}})
          .field("connection.tls_root_cert", &PostgresOptions::tls_root_cert)
          .field("connection.pool_size", &PostgresOptions::pool_size)
          .field("connection.pool_wait_ms", &PostgresOptions::pool_wait)
          .field("connection.connect_timeout_ms", &PostgresOptions::connect_timeout)
          .field("connection.statement_timeout_ms", &PostgresOptions::statement_timeout)
          .field("connection.schema_cache_seconds", &PostgresOptions::schema_cache)
          .field("connection.numeric_mode", &PostgresOptions::numeric_mode)
          .field("connection.array_mode", &PostgresOptions::array_mode)
          .field("connection.scan_streams_max", &PostgresOptions::scan_streams_max)
          .field("connection.small_read_rows", &PostgresOptions::small_read_rows)
          .field("connection.split_read_mb", &PostgresOptions::split_read_mb)
          .field("scope.include_schemas", &PostgresOptions::include_schemas)
          .field("scope.exclude_tables", &PostgresOptions::exclude_tables)
          .field("sync.tables", &PostgresOptions::sync_tables);
  return binding;
}

/// Every item must be "schema.table"; Weir does not guess a schema.
Status check_table_names(std::string_view option, const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    const size_t dot = name.find('.');
    if (dot != std::string::npos && dot > 0 && dot + 1 < name.size()) continue;
    return fail(ErrorCode::invalid_option, std::string(option) + ": not of the form schema.table: '" + name + "'",
                "write 'public." + name + "' for a table of the schema public");
  }
  return {};
}

Status check_root_cert(const PostgresOptions& options) {
  if (options.tls_root_cert.empty()) return {};
  if (options.tls == Tls::disabled) {
    return fail(ErrorCode::invalid_option, "connection.tls_root_cert has no meaning with connection.tls 'disabled'",
                "leave it out, or set connection.tls to 'verify-full'");
  }
  std::error_code ignored;
  if (std::filesystem::is_regular_file(options.tls_root_cert, ignored)) return {};
  return fail(ErrorCode::invalid_option, "connection.tls_root_cert: no such file: " + options.tls_root_cert,
              "give the absolute path of a PEM file that the server can read");
}

/// Whether `pattern`, in which * stands for any letters, covers all of `text`.
bool matches(std::string_view pattern, std::string_view text) {
  const size_t star = pattern.find('*');
  if (star == std::string_view::npos) return pattern == text;
  if (!text.starts_with(pattern.substr(0, star))) return false;
  const std::string_view rest = pattern.substr(star + 1);
  for (size_t from = star; from <= text.size(); from++) {
    if (matches(rest, text.substr(from))) return true;
  }
  return false;
}

}  // namespace

const Group& postgres_option_group() {
  static const Group group{
      .name = "postgres", .doc = "A PostgreSQL database, version 12 or later.", .options = body_options()};
  return group;
}

Result<PostgresOptions> read_options(const nlohmann::json& validated) {
  PostgresOptions options = WEIR_TRY(binding().read(validated));
  options.types.numeric_mode = WEIR_TRY(parse_numeric_mode(options.numeric_mode));
  options.types.array_mode = WEIR_TRY(parse_array_mode(options.array_mode));
  WEIR_TRY(check_root_cert(options));
  WEIR_TRY(check_table_names("scope.exclude_tables", options.exclude_tables));
  WEIR_TRY(check_table_names("sync.tables", options.sync_tables));
  return options;
}

std::vector<std::string> unbound_options() {
  std::vector<std::string> read_elsewhere = {"name", "type", "mode"};
  for (const auto& option : connector::read_limits_group().options) {
    read_elsewhere.push_back("limits." + std::string(option.name));
  }
  for (const auto& option : connector::sync_options()) {
    if (option.name != "tables") read_elsewhere.push_back("sync." + std::string(option.name));
  }
  return binding().unbound(postgres_option_group(), read_elsewhere);
}

bool in_scope(const PostgresOptions& scope, const plan::TableName& table) {
  const auto& schemas = scope.include_schemas;
  if (!schemas.empty() && std::find(schemas.begin(), schemas.end(), table.schema) == schemas.end()) return false;
  const std::string name = table.to_string();
  return std::none_of(scope.exclude_tables.begin(), scope.exclude_tables.end(),
                      [&](const std::string& pattern) { return matches(pattern, name); });
}

}  // namespace weir::postgres
