/// The declared options of a PostgreSQL connector: the whole body of POST /v1/connectors.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"
#include "connectors/postgres/postgres_types.h"
#include "options/options.h"
#include "plan/scan.h"

namespace weir::postgres {

enum class Tls : uint8_t {
  required,     ///< encrypted; the certificate is checked only when `tls_root_cert` is set
  verify_full,  ///< encrypted, the certificate's chain and host name are checked
  disabled,     ///< in clear
};

/// A validated body, bound. Secrets stay references.
struct PostgresOptions {
  std::string url;
  std::string secret_ref;
  Tls tls = Tls::required;
  std::string tls_root_cert;
  int pool_size = 0;
  std::chrono::milliseconds pool_wait{};
  std::chrono::milliseconds connect_timeout{};
  std::chrono::milliseconds statement_timeout{};  ///< 0: the source's own setting
  std::chrono::seconds schema_cache{};
  std::string numeric_mode;
  std::string array_mode;
  int scan_streams_max = 0;
  uint64_t small_read_rows = 0;
  uint64_t split_read_mb = 0;
  std::vector<std::string> include_schemas;  ///< empty: all but the system's
  std::vector<std::string> exclude_tables;   ///< "schema.table", * stands for any letters
  std::vector<std::string> sync_tables;

  TypeOptions types;  ///< numeric_mode and array_mode, parsed
};

/// The declaration. Lives as long as the process.
const options::Group& postgres_option_group();

/// Binds a body that `options::validate` has accepted and checks what one option alone cannot say.
/// Errors: invalid_option.
Result<PostgresOptions> read_options(const nlohmann::json& validated);

/// Declared options that nothing binds, or bound ones that are not declared: none, which a test holds.
std::vector<std::string> unbound_options();

/// Whether `scope` lets `table` be seen. The schema is matched exactly, excluded tables with `*` as wildcard.
bool in_scope(const PostgresOptions& scope, const plan::TableName& table);

}  // namespace weir::postgres
