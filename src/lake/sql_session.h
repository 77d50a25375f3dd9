/// How the lake runs SQL: the engine implements it, so that `duckdb.hpp` stays in its folder.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace weir::lake {

/// One session of the SQL engine. Not thread-safe.
class SqlSession {
 public:
  virtual ~SqlSession() = default;
  /// Runs one statement whose rows do not matter.
  virtual Status run(std::string_view sql) = 0;
  /// Runs one statement and returns its rows as text (NULL as an empty string); for small control results only.
  virtual Result<std::vector<std::vector<std::string>>> rows(std::string_view sql) = 0;
};

}  // namespace weir::lake
