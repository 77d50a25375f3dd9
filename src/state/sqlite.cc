/// SQLite in terms of our errors.
#include "state/sqlite.h"

#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace weir::state {
namespace {

/// How long a statement waits for another process, e.g. somebody's sqlite3 shell.
constexpr int kBusyWaitMs = 5000;

/// SQLite creates its files by the umask; this one is for its owner only, and so are those that SQLite makes beside it.
/// One that was copied here with other permissions is closed again.
Status create_for_owner(const std::filesystem::path& file) {
  const int fd = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  const bool closed = fd >= 0 && ::fchmod(fd, 0600) == 0;
  const int reason = errno;
  if (fd >= 0) ::close(fd);
  if (closed) return {};
  const auto code = reason == ENOSPC || reason == EDQUOT ? ErrorCode::disk_full : ErrorCode::io_error;
  return fail(code, "cannot open " + file.string() + ": " + std::generic_category().message(reason));
}

}  // namespace

Statement::Statement(sqlite3* database, std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  prepared_ = sqlite3_prepare_v2(database, sql.data(), static_cast<int>(sql.size()), &statement, nullptr);
  statement_.reset(statement);
}

Statement& Statement::bind(std::string_view text) {
  // An empty view may have no address, and that would bind NULL.
  const char* data = text.empty() ? "" : text.data();
  if (prepared_ == SQLITE_OK)
    prepared_ = sqlite3_bind_text64(statement_.get(), next_++, data, text.size(), SQLITE_STATIC, SQLITE_UTF8);
  return *this;
}

Statement& Statement::bind(int64_t number) {
  if (prepared_ == SQLITE_OK) prepared_ = sqlite3_bind_int64(statement_.get(), next_++, number);
  return *this;
}

int Statement::step() { return prepared_ == SQLITE_OK ? sqlite3_step(statement_.get()) : prepared_; }

std::string Statement::text(int column) const {
  const auto* data = reinterpret_cast<const char*>(sqlite3_column_text(statement_.get(), column));
  return data == nullptr ? std::string()
                         : std::string(data, static_cast<size_t>(sqlite3_column_bytes(statement_.get(), column)));
}

Result<std::unique_ptr<Database>> Database::open(const std::filesystem::path& file) {
  WEIR_TRY(create_for_owner(file));
  sqlite3* raw = nullptr;
  const int opened = sqlite3_open_v2(file.c_str(), &raw, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
  std::unique_ptr<Database> database(new Database(file, raw));
  if (opened != SQLITE_OK) return database->error(opened);
  sqlite3_extended_result_codes(raw, 1);
  sqlite3_busy_timeout(raw, kBusyWaitMs);
  WEIR_TRY(database->run("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;"));
  return database;
}

Status Database::run(const std::string& sql) {
  const int code = sqlite3_exec(database_.get(), sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return error(code);
  return {};
}

Status Database::finish(Statement& statement) {
  int code = SQLITE_ROW;
  while (code == SQLITE_ROW) code = statement.step();
  if (code != SQLITE_DONE) return error(code);
  return {};
}

std::unexpected<Error> Database::error(int code) const {
  const std::string what = file_.string() + ": " + sqlite3_errmsg(database_.get());
  switch (code & 0xff) {
    case SQLITE_FULL:
      return fail(ErrorCode::disk_full, "the disk is full while writing " + what);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return fail(ErrorCode::data_dir_damaged, "the control state cannot be read: " + what);
    default:
      return fail(ErrorCode::io_error, "the control state cannot be used: " + what);
  }
}

}  // namespace weir::state
