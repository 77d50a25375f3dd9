/// What everything that follows one source shares.
#pragma once

#include <functional>
#include <string>

#include "connectors/postgres/postgres_options.h"
#include "connectors/postgres/postgres_parameters.h"
#include "connectors/postgres/postgres_pool.h"

namespace weir::postgres {

/// Immutable.
struct ChangeContext {
  std::string connector;  ///< its name, for errors
  std::string slot;       ///< the slot's name, and the publication's
  PostgresOptions options;
  Pool::Open open;  ///< a connection beside the pool: following must not wait for queries
  std::function<Result<ConnectionParameters>()> parameters;  ///< with secrets resolved now
};

/// "weir_" and the connector's id without dashes.
std::string slot_name(const std::string& connector_id);

}  // namespace weir::postgres
