/// libpq's connection parameters, made from the options. They hold the password: never log or show them.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "connectors/postgres/postgres_options.h"
#include "options/secret_resolver.h"

namespace weir::postgres {

struct ConnectionParameters {
  std::vector<std::pair<std::string, std::string>> keywords;  ///< for PQconnectStartParams, in order
  std::string endpoint;                                       ///< "db.example.com:5432/app", for messages
};

/// Resolves `url` and `secret_ref` and sets TLS as the options say. Does not connect.
/// Errors: invalid_option (never with the URL's text, which may hold a password), secret_unresolvable.
Result<ConnectionParameters> make_parameters(const PostgresOptions& options, const options::SecretResolver& secrets);

}  // namespace weir::postgres
