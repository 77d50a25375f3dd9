/// Declared options as command line flags.
#pragma once

#include <map>
#include <string>
#include <vector>

#include <CLI/App.hpp>
#include <nlohmann/json_fwd.hpp>

#include "base/result.h"
#include "options/options.h"

namespace weir::cli {

/// `max_body_bytes` becomes `--max-body-bytes`. Must outlive the parsing. Groups inside the group get no flags.
class DeclaredFlags {
 public:
  DeclaredFlags(const options::Group& group, CLI::App& command);
  /// `base` with the given flags over it. Errors: invalid_option for a number that is none.
  Result<nlohmann::json> over(nlohmann::json base) const;

 private:
  const options::Group& group_;
  std::map<std::string_view, std::vector<std::string>> given_;
};

}  // namespace weir::cli
