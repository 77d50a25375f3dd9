/// Whole files and standard input as text.
#pragma once

#include <string>

#include "base/result.h"

namespace weir::cli {

/// All of `file`; "-" is standard input. Errors: io_error, body_too_large above 64 MiB.
Result<std::string> read_text(const std::string& file);

}  // namespace weir::cli
