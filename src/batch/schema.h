/// Arrow schemas through the C Data Interface.
#pragma once

#include <string>
#include <vector>

#include <arrow/c/abi.h>

#include "batch/arrow_owners.h"

namespace weir::batch {

/// A field with a format string of the C Data Interface ("l", "u", "d:12,2", "+l", "+s" …).
OwnedSchema make_schema(std::string format, std::string name, bool nullable, std::vector<OwnedSchema> children = {});

}  // namespace weir::batch
