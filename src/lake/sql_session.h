/// How the lake runs SQL: the engine implements it, so that `duckdb.hpp` stays in its folder.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "batch/arrow_owners.h"

namespace weir::lake {

/// One session of the SQL engine. Not thread-safe.
class SqlSession {
 public:
  virtual ~SqlSession() = default;
  /// Runs one statement whose rows do not matter.
  virtual Status run(std::string_view sql) = 0;
  /// Runs one statement and returns its rows as text (NULL as an empty string); for small control results only.
  virtual Result<std::vector<std::vector<std::string>>> rows(std::string_view sql) = 0;
  /// Runs one writing statement and returns how many rows it changed.
  virtual Result<uint64_t> change(std::string_view sql) = 0;
  /// Shows `rows` (a struct array of `schema`) as the temporary view `name`, in place of what it showed. They are read
  /// where they are, once or more, by statements of this session, and must stay until the next `show` of the name.
  /// What the Arrow format leaves open, a field's extension name says: "arrow.uuid", "arrow.json", "weir.interval".
  virtual Status show(std::string_view name, const batch::OwnedSchema& schema, const batch::OwnedArray& rows) = 0;
  /// Rows that its running statement has got from sources so far. From any thread.
  virtual uint64_t rows_read() const { return 0; }
  /// Makes the statement that runs now fail with `cancelled`. From any thread.
  virtual void interrupt() = 0;
};

}  // namespace weir::lake
