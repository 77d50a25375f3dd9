/// The tables of the control state, and the way from each older form to the newest.
#pragma once

#include "base/result.h"
#include "state/sqlite.h"

namespace weir::state {

/// Brings the tables of `database` up to date, in one transaction.
/// Errors: data_dir_version (made by a newer Weir), data_dir_damaged, io_error, disk_full.
Status migrate(Database& database);

}  // namespace weir::state
