/// PostgreSQL as a source of changes.
#pragma once

#include <memory>

#include "connector/changes.h"
#include "connectors/postgres/change_context.h"

namespace weir::postgres {

/// Does not connect. Every call opens connections of its own, beside the pool.
std::shared_ptr<connector::ChangeSource> make_changes(std::shared_ptr<const ChangeContext> context);

}  // namespace weir::postgres
