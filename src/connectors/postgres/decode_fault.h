/// The words for what can go wrong with a value.
#pragma once

#include <string>

#include "base/error.h"
#include "connectors/postgres/decode_outcome.h"
#include "plan/scan.h"

namespace weir::postgres {

/// schema_drift for malformed values (another type than the one planned for is the usual cause), value_out_of_range
/// for those without a place in the column's type, naming table, column and the option that helps.
Error describe_fault(const Outcome& outcome, const std::string& table, const plan::Column& column);

}  // namespace weir::postgres
