/// Arrow rows in memory as a table of DuckDB, read where they are.
#pragma once

#include <string>
#include <vector>

#include <duckdb.hpp>
#include <duckdb/function/table_function.hpp>

#include "base/result.h"
#include "batch/arrow_owners.h"
#include "plan/type.h"

namespace weir::engine {

/// A field of shown rows: a value of `type`, or a struct of `fields` when there are any.
struct ShownField {
  std::string name;
  plan::Type type;
  std::vector<ShownField> fields;

  bool operator==(const ShownField&) const = default;
};

/// What one view shows now. Borrows the rows. Not thread-safe against the statements that read it.
struct ShownRows {
  std::vector<ShownField> fields;
  const ArrowArray* rows = nullptr;
};

/// The fields of a struct schema. Errors: internal (a format that no connector delivers).
Result<std::vector<ShownField>> shown_fields(const ArrowSchema& schema);

/// `weir_shown_rows(<pointer to ShownRows>)`, for views that DuckSession makes. The allow-list knows it not.
duckdb::TableFunction shown_rows_function();

}  // namespace weir::engine
