/// SQL for the lake and for the engine itself, over one DuckDB connection.
#pragma once

#include <duckdb.hpp>

#include "lake/sql_session.h"

namespace weir::engine {

/// Borrows the connection and is not held to its user's allow-list. Not thread-safe, as the connection is not.
class DuckSession final : public lake::SqlSession {
 public:
  explicit DuckSession(duckdb::Connection& connection) : connection_(connection) {}
  Status run(std::string_view sql) override;
  Result<std::vector<std::vector<std::string>>> rows(std::string_view sql) override;

 private:
  Result<duckdb::unique_ptr<duckdb::MaterializedQueryResult>> answer(std::string_view sql);

  duckdb::Connection& connection_;
};

}  // namespace weir::engine
