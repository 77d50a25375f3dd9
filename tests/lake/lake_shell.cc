/// The lake without the rest of Weir, for tests that kill it, trace it or fill its disk: each line of standard input is
/// "write <statement>", committed by the committer, or "read <query>"; each answer is one line of JSON,
/// `{"rows":[[…]]}` with values as text, or `{"error":…}`. A first answer tells whether the lake was opened.
#include <cstdlib>
#include <iostream>
#include <string>

#include <duckdb.hpp>
#include <nlohmann/json.hpp>

#include "engine/durable_extents.h"
#include "lake/committer.h"
#include "lake/data_directory.h"
#include "lake/lake.h"
#include "telemetry/metrics.h"

namespace {

using nlohmann::json;
using namespace weir;

/// As the engine tells errors of the storage from those of a query.
ErrorCode code_of(duckdb::ExceptionType type) {
  using enum duckdb::ExceptionType;
  return type == IO || type == TRANSACTION || type == FATAL || type == INTERNAL ? ErrorCode::io_error
                                                                                : ErrorCode::query_failed;
}

/// SQL without the engine's rules, errors in DuckDB's own words.
class PlainSession : public lake::SqlSession {
 public:
  explicit PlainSession(duckdb::DuckDB& database) : connection_(database) {}

  Status run(std::string_view sql) override {
    WEIR_TRY(rows(sql));
    return {};
  }

  Result<std::vector<std::vector<std::string>>> rows(std::string_view sql) override {
    const auto result = connection_.Query(std::string(sql));
    if (result->HasError()) return fail(code_of(result->GetErrorType()), result->GetError());
    std::vector<std::vector<std::string>> rows(result->RowCount());
    for (size_t row = 0; row < rows.size(); ++row) {
      for (size_t column = 0; column < result->ColumnCount(); ++column) {
        rows[row].push_back(result->GetValue(column, row).ToString());
      }
    }
    return rows;
  }
  Result<uint64_t> change(std::string_view sql) override {
    WEIR_TRY(rows(sql));
    return uint64_t{0};
  }
  Status show(std::string_view, const batch::OwnedSchema&, const batch::OwnedArray&) override { return {}; }
  void interrupt() override { connection_.Interrupt(); }

 private:
  duckdb::Connection connection_;
};

json error_of(const Error& error) {
  return {{"error", {{"code", describe(error.code).name}, {"message", error.message}, {"hint", error.hint}}}};
}

json write(lake::Committer& committer, lake::SqlSession& session, const std::string& sql) {
  const auto done = committer.commit(session, [&] { return session.run(sql); }, {});
  return done ? json{{"rows", json::array()}} : error_of(done.error());
}

json read(lake::SqlSession& session, const std::string& sql) {
  const auto rows = session.rows(sql);
  return rows ? json{{"rows", *rows}} : error_of(rows.error());
}

json answer(lake::Committer& committer, lake::SqlSession& session, const std::string& line) {
  constexpr std::string_view kWrite = "write ", kRead = "read ";
  if (line.starts_with(kWrite)) return write(committer, session, line.substr(kWrite.size()));
  if (line.starts_with(kRead)) return read(session, line.substr(kRead.size()));
  return error_of({ErrorCode::invalid_request, "begin the line with 'write ' or 'read '", "", ""});
}

void say(const json& value) { std::cout << value.dump(-1, ' ', false, json::error_handler_t::replace) << std::endl; }

Status serve(const std::filesystem::path& data_dir, uint64_t log_bytes_max) {
  const auto directory = WEIR_TRY(lake::DataDirectory::open(data_dir, ""));
  duckdb::DuckDB database(nullptr);
  database.GetFileSystem().RegisterSubSystem(engine::durable_extents(directory->extents()));
  PlainSession session(database);
  WEIR_TRY(lake::attach(session, *directory, WEIR_DUCKLAKE_EXTENSION));
  // As the engine has it: the lake must be able to work behind closed doors.
  const auto allowed = duckdb::Value(directory->path().string()).ToSQLString();
  WEIR_TRY(session.run("SET GLOBAL allowed_directories = [" + allowed + "]"));
  WEIR_TRY(session.run("SET GLOBAL enable_external_access = false"));
  telemetry::Metrics metrics;
  lake::Committer committer({.catalog_log_bytes_max = log_bytes_max}, directory->extents(), metrics);
  say({{"rows", json::array()}});
  for (std::string line; std::getline(std::cin, line);) say(answer(committer, session, line));
  return {};
}

}  // namespace

/// weir_lake_shell DATA_DIR [CATALOG_LOG_BYTES_MAX]
int main(int argc, char** argv) {
  if (argc < 2) return 2;
  const uint64_t log_bytes_max = argc > 2 ? std::stoull(argv[2]) : lake::CommitterOptions{}.catalog_log_bytes_max;
  const auto served = serve(argv[1], log_bytes_max);
  if (!served) say(error_of(served.error()));
  return served ? 0 : 1;
}
