/// SQLite in terms of our errors: a connection, and prepared statements that finish themselves.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include <sqlite3.h>

#include "base/result.h"

namespace weir::state {

struct CloseDatabase {
  void operator()(sqlite3* database) const { sqlite3_close_v2(database); }
};
struct FinalizeStatement {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};

/// One statement of a connection, which must outlive it.
class Statement {
 public:
  Statement(sqlite3* database, std::string_view sql);

  /// Values of ?1, ?2 … in order; texts must live until the next `step`.
  Statement& bind(std::string_view text);
  Statement& bind(int64_t number);

  /// SQLITE_ROW, SQLITE_DONE or an error code.
  int step();
  std::string text(int column) const;
  int64_t number(int column) const { return sqlite3_column_int64(statement_.get(), column); }

 private:
  std::unique_ptr<sqlite3_stmt, FinalizeStatement> statement_;
  int prepared_;  ///< the result of preparing
  int next_ = 1;  ///< the next value to be bound
};

/// One connection. Not thread-safe.
class Database {
 public:
  /// Opens or creates `file` for its owner only, in WAL mode, every commit synced.
  /// Errors: io_error, disk_full, data_dir_damaged.
  static Result<std::unique_ptr<Database>> open(const std::filesystem::path& file);

  /// Runs statements without values or rows. Errors: io_error, disk_full, data_dir_damaged.
  Status run(const std::string& sql);
  Statement prepare(std::string_view sql) const { return Statement(database_.get(), sql); }
  /// Runs a statement whose rows do not matter. Errors: as `run`.
  Status finish(Statement& statement);
  /// The error of a SQLite result code that is not SQLITE_OK, SQLITE_ROW or SQLITE_DONE.
  std::unexpected<Error> error(int code) const;

 private:
  Database(std::filesystem::path file, sqlite3* database) : file_(std::move(file)), database_(database) {}

  std::filesystem::path file_;
  std::unique_ptr<sqlite3, CloseDatabase> database_;
};

}  // namespace weir::state
