/// Variables of the process's environment.
#pragma once

#include <string>

namespace weir::cli {

/// The variable's value; empty when it is not set.
std::string environment_variable(const char* name);

}  // namespace weir::cli
