/// The interactive shell of `weir sql`.
#pragma once

#include "cli/console.h"
#include "cli/statement_runner.h"

namespace weir::cli {

/// Reads statements from the terminal until \q or the end of input. Returns the exit code.
int run_shell(StatementRunner& runner);

}  // namespace weir::cli
