/// Which changes of a column's type leave the values as they are. Pure.
#pragma once

#include "connectors/postgres/table_facts.h"

namespace weir::postgres {

/// Whether every value of a column is the same value after the change of its type. `in_key`: its text must be, too.
bool widens(const SourceColumn& from, const plan::Column& before, const SourceColumn& to, const plan::Column& after,
            bool in_key);

}  // namespace weir::postgres
