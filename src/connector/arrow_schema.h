/// The Arrow schema of the batches that a connector delivers.
#pragma once

#include <span>

#include "batch/arrow_owners.h"
#include "plan/scan.h"

namespace weir::connector {

/// A struct schema with one child per column, in the Arrow forms that plan::Kind names.
batch::OwnedSchema arrow_schema(std::span<const plan::Column> columns);

}  // namespace weir::connector
