/// The connectors of this build.
#pragma once

#include "connector/registry.h"

namespace weir::connectors {

/// Every type of connector, in one visible list.
connector::Registry default_registry();

}  // namespace weir::connectors
