/// SQL for the lake and for the engine itself, over one DuckDB connection.
#pragma once

#include <map>
#include <memory>
#include <string>

#include <duckdb.hpp>

#include "engine/shown_rows.h"
#include "lake/sql_session.h"

namespace weir::engine {

/// Borrows the connection and is not held to its user's allow-list. Not thread-safe, as the connection is not.
class DuckSession final : public lake::SqlSession {
 public:
  explicit DuckSession(duckdb::Connection& connection) : connection_(connection) {}
  Status run(std::string_view sql) override;
  Result<std::vector<std::vector<std::string>>> rows(std::string_view sql) override;
  Result<uint64_t> change(std::string_view sql) override;
  Status show(std::string_view name, const batch::OwnedSchema& schema, const batch::OwnedArray& rows) override;
  uint64_t rows_read() const override;
  void interrupt() override { connection_.Interrupt(); }

 private:
  struct View {
    ShownRows shown;
    bool made = false;
  };

  Result<duckdb::unique_ptr<duckdb::MaterializedQueryResult>> answer(std::string_view sql);

  duckdb::Connection& connection_;
  std::map<std::string, std::unique_ptr<View>, std::less<>> views_;
};

/// A session with a connection of its own.
class OwnSession final : public lake::SqlSession {
 public:
  explicit OwnSession(std::unique_ptr<duckdb::Connection> connection)
      : connection_(std::move(connection)), session_(*connection_) {}
  Status run(std::string_view sql) override { return session_.run(sql); }
  Result<std::vector<std::vector<std::string>>> rows(std::string_view sql) override { return session_.rows(sql); }
  Result<uint64_t> change(std::string_view sql) override { return session_.change(sql); }
  Status show(std::string_view name, const batch::OwnedSchema& schema, const batch::OwnedArray& rows) override {
    return session_.show(name, schema, rows);
  }
  uint64_t rows_read() const override { return session_.rows_read(); }
  void interrupt() override { session_.interrupt(); }

 private:
  std::unique_ptr<duckdb::Connection> connection_;
  DuckSession session_;
};

}  // namespace weir::engine
