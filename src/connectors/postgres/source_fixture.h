/// For tests with a live PostgreSQL: the connector itself on WEIR_TEST_PG_URL, a second, independent session beside it,
/// and a schema of the test's own.
#pragma once

#include <chrono>
#include <cstdlib>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include <gtest/gtest.h>
#include <libpq-fe.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "connectors/postgres/postgres_options.h"
#include "connectors/postgres/postgres_source.h"

namespace weir::postgres {

inline std::string test_url() {
  const char* url = std::getenv("WEIR_TEST_PG_URL");
  return url == nullptr ? "" : url;
}

/// A session that shares nothing with the connector.
class Witness {
 public:
  Witness() : connection_(PQconnectdb(test_url().c_str()), &PQfinish) {
    EXPECT_EQ(PQstatus(connection_.get()), CONNECTION_OK) << PQerrorMessage(connection_.get());
    run("SET client_min_messages = 'warning'");
  }
  void run(const std::string& sql) { query(sql); }
  /// The first value of the answer, as text.
  std::string value(const std::string& sql) {
    const auto result = query(sql);
    return PQntuples(result.get()) > 0 ? PQgetvalue(result.get(), 0, 0) : "";
  }
  int64_t number(const std::string& sql) { return std::stoll(value(sql)); }

 private:
  std::unique_ptr<PGresult, decltype(&PQclear)> query(const std::string& sql) {
    std::unique_ptr<PGresult, decltype(&PQclear)> result(PQexec(connection_.get(), sql.c_str()), &PQclear);
    const auto status = PQresultStatus(result.get());
    EXPECT_TRUE(status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) << sql << PQerrorMessage(connection_.get());
    return result;
  }
  std::unique_ptr<PGconn, decltype(&PQfinish)> connection_;
};

/// Whether `holds` becomes true within `limit`.
inline bool eventually(const std::function<bool()>& holds, std::chrono::milliseconds limit) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (!holds()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::yield();
  }
  return true;
}

/// What a whole stream gave: rows, and the sum of the first column when that is an int64.
struct Drained {
  int64_t rows = 0;
  int64_t sum = 0;
};

/// The next answer other than `pending`.
inline Result<connector::BatchStream::Poll> next(connector::BatchStream& stream) {
  for (;;) {
    auto ready = std::make_shared<std::promise<void>>();
    auto polled = stream.poll([ready] { ready->set_value(); });
    if (!polled || polled->state != connector::BatchStream::State::pending) return polled;
    ready->get_future().wait();
  }
}

inline Result<Drained> drain(connector::BatchStream& stream) {
  Drained drained;
  for (;;) {
    auto polled = WEIR_TRY(next(stream));
    if (polled.state == connector::BatchStream::State::end) return drained;
    drained.rows += polled.batch.rows;
    const ArrowArray* columns = polled.batch.columns.get();
    if (columns->n_children == 0 || columns->children[0]->n_buffers != 2) continue;
    const auto* values = static_cast<const int64_t*>(columns->children[0]->buffers[1]);
    for (int64_t i = 0; i < polled.batch.rows; i++) drained.sum += values[columns->children[0]->offset + i];
  }
}

/// A test with a schema of its own, which is gone afterwards.
class SourceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_FALSE(test_url().empty()) << "WEIR_TEST_PG_URL is not set";
    witness_ = std::make_unique<Witness>();
    witness_->run("DROP SCHEMA IF EXISTS " + schema_ + " CASCADE; CREATE SCHEMA " + schema_);
  }
  void TearDown() override {
    if (witness_ != nullptr) witness_->run("DROP SCHEMA IF EXISTS " + schema_ + " CASCADE");
  }

  /// Opens a connector that sees this test's schema, with `connection` over the defaults.
  std::shared_ptr<connector::Source> open(nlohmann::json connection = nlohmann::json::object()) {
    auto opened = try_open(std::move(connection));
    EXPECT_TRUE(opened) << opened.error().to_string();
    return opened ? *opened : nullptr;
  }
  Result<std::shared_ptr<connector::Source>> try_open(nlohmann::json connection) {
    if (!connection.contains("url")) connection["url"] = test_url();
    const nlohmann::json body = {{"name", "pg"},
                                 {"type", "postgres"},
                                 {"connection", std::move(connection)},
                                 {"scope", {{"include_schemas", {schema_}}}}};
    connector::Spec spec{.id = std::to_string(getpid()), .name = "pg", .type = "postgres", .body = {}};
    spec.body = WEIR_TRY(options::validate(postgres_option_group(), body));
    return open_source(spec, options::SecretResolver());
  }

  /// A table `id int8, filler text` with `rows` rows, analysed.
  void make_table(const std::string& name, int64_t rows, int filler = 100) {
    const std::string table = schema_ + "." + name;
    witness_->run("CREATE TABLE " + table + " (id int8, filler text); INSERT INTO " + table +
                  " SELECT i, repeat('x', " + std::to_string(filler) + ") FROM generate_series(1, " +
                  std::to_string(rows) + ") i; ANALYZE " + table);
  }

  /// A scan of all columns of a table, with the sizes that introspection found.
  plan::Scan scan_of(connector::Source& source, const std::string& table) {
    const auto schema = source.schema(false);
    EXPECT_TRUE(schema) << schema.error().to_string();
    const auto found = (*schema)->tables.find({schema_, table});
    EXPECT_NE(found, (*schema)->tables.end()) << table;
    plan::Scan scan;
    scan.table = found->first;
    scan.columns = found->second.columns;
    scan.estimated_rows = found->second.estimated_rows;
    for (size_t i = 0; i < scan.columns.size(); i++) scan.projection.push_back(i);
    return scan;
  }

  /// A stream of a query with this one read.
  static std::unique_ptr<connector::BatchStream> read(connector::Source& source, const plan::Scan& scan,
                                                      const connector::ReadOptions& options = {}) {
    return std::move(*(*source.begin(1))->read(scan, options));
  }

  /// Statements of the connector that run now, cancelling and waiting ones left out.
  int64_t running_statements() {
    return witness_->number(
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'weir' AND state = 'active' "
        "AND query LIKE '%" +
        schema_ + "%'");
  }

  const std::string schema_ = "weir_source_" + std::to_string(getpid());
  std::unique_ptr<Witness> witness_;
};

}  // namespace weir::postgres
