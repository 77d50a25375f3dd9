#include "cli/environment.h"

#include <cstdlib>

namespace weir::cli {

std::string environment_variable(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nothing here changes the environment
  return value == nullptr ? "" : value;
}

}  // namespace weir::cli
