#include "connectors/registry.h"

#include "connectors/postgres/postgres_source.h"

namespace weir::connectors {

connector::Registry default_registry() {
  return connector::Registry({
      postgres::postgres_type(),
  });
}

}  // namespace weir::connectors
