/// For tests with a live PostgreSQL: a session at WEIR_TEST_PG_URL set up as the connector's own, and tables in it.
#pragma once

#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <libpq-fe.h>

#include "connectors/postgres/postgres_decoder.h"
#include "connectors/postgres/postgres_dialect.h"
#include "connectors/postgres/postgres_types.h"

namespace weir::postgres {

using PgResult = std::unique_ptr<PGresult, decltype(&PQclear)>;

/// Everything lives in temporary tables, so nothing stays behind.
class PgSession {
 public:
  PgSession() {
    const char* url = std::getenv("WEIR_TEST_PG_URL");
    if (url == nullptr) {
      ADD_FAILURE() << "WEIR_TEST_PG_URL is not set";
      return;
    }
    connection_.reset(PQconnectdb(url));
    EXPECT_EQ(PQstatus(connection_.get()), CONNECTION_OK) << PQerrorMessage(connection_.get());
    run("SET client_encoding = 'UTF8'; SET TimeZone = 'UTC'; SET DateStyle = 'ISO'; SET IntervalStyle = 'postgres'; "
        "SET extra_float_digits = 3; SET bytea_output = 'hex'; SET client_min_messages = 'warning'");
  }

  void run(const std::string& sql) { checked(PgResult(PQexec(connection_.get(), sql.c_str()), &PQclear), sql); }

  /// One column of text rows.
  std::vector<std::string> column(const std::string& sql) {
    PgResult result(PQexec(connection_.get(), sql.c_str()), &PQclear);
    checked(result, sql);
    std::vector<std::string> rows;
    for (int i = 0; i < PQntuples(result.get()); i++) {
      rows.push_back(PQgetisnull(result.get(), i, 0) ? "NULL" : PQgetvalue(result.get(), i, 0));
    }
    return rows;
  }

  /// The plan's columns of a temporary table, by the facts of the catalog.
  std::vector<plan::Column> columns(const std::string& table, const TypeOptions& options = {}) {
    TypeCatalog types;
    PgResult type_rows = rows(
        "SELECT oid, typname, typtype, CASE WHEN typcategory = 'A' AND typlen = -1 THEN typelem ELSE 0 END, "
        "typbasetype, "
        "typtypmod, typndims FROM pg_type");
    for (int i = 0; i < PQntuples(type_rows.get()); i++) {
      types[number(type_rows, i, 0)] = {PQgetvalue(type_rows.get(), i, 1), *PQgetvalue(type_rows.get(), i, 2),
                                        number(type_rows, i, 3),           number(type_rows, i, 4),
                                        signed_number(type_rows, i, 5),    signed_number(type_rows, i, 6)};
    }
    PgResult facts = rows(
        "SELECT attname, atttypid, atttypmod, attndims, attnotnull, coalesce(collisdeterministic, true), "
        "format_type(atttypid, atttypmod) FROM pg_attribute LEFT JOIN pg_collation c ON c.oid = attcollation "
        "WHERE attrelid = 'pg_temp." +
        table + "'::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum");
    std::vector<plan::Column> all;
    for (int i = 0; i < PQntuples(facts.get()); i++) {
      all.push_back(map_column(
          {PQgetvalue(facts.get(), i, 0), number(facts, i, 1), signed_number(facts, i, 2), signed_number(facts, i, 3),
           *PQgetvalue(facts.get(), i, 4) == 't', *PQgetvalue(facts.get(), i, 5) == 't', PQgetvalue(facts.get(), i, 6)},
          types, options));
    }
    return all;
  }

  /// Reads through the extended protocol.
  Result<connector::Batch> select(const plan::Scan& scan) {
    Statement statement = render_select(scan, std::nullopt);
    std::vector<Oid> oids;
    std::vector<const char*> values;
    for (const Parameter& parameter : statement.params) {
      oids.push_back(parameter.type_oid);
      values.push_back(parameter.is_null ? nullptr : parameter.text.c_str());
    }
    PgResult result(PQexecParams(connection_.get(), statement.text.c_str(), static_cast<int>(oids.size()), oids.data(),
                                 values.data(), nullptr, nullptr, 1),
                    &PQclear);
    checked(result, statement.text);
    BatchDecoder decoder = decoder_of(scan);
    std::vector<WireValue> row(static_cast<size_t>(PQnfields(result.get())));
    for (int i = 0; i < PQntuples(result.get()); i++) {
      for (int c = 0; c < PQnfields(result.get()); c++) {
        bool null = PQgetisnull(result.get(), i, c);
        row[static_cast<size_t>(c)] = {PQgetvalue(result.get(), i, c), null ? -1 : PQgetlength(result.get(), i, c)};
      }
      WEIR_TRY(decoder.append_values(row));
    }
    return decoder.take();
  }

  /// Reads through binary COPY.
  Result<connector::Batch> copy(const plan::Scan& scan) {
    std::string statement = render_copy(scan, std::nullopt);
    PgResult begun(PQexec(connection_.get(), statement.c_str()), &PQclear);
    EXPECT_EQ(PQresultStatus(begun.get()), PGRES_COPY_OUT) << statement << "\n" << PQerrorMessage(connection_.get());
    BatchDecoder decoder = decoder_of(scan);
    Status status;
    char* message = nullptr;
    for (int size; (size = PQgetCopyData(connection_.get(), &message, 0)) > 0; PQfreemem(message)) {
      if (status) status = decoder.append_copy_row({message, static_cast<size_t>(size)});
    }
    while (PGresult* rest = PQgetResult(connection_.get())) {
      EXPECT_EQ(PQresultStatus(rest), PGRES_COMMAND_OK) << statement << "\n" << PQresultErrorMessage(rest);
      PQclear(rest);
    }
    if (!status) return fail(std::move(status.error()));
    return decoder.take();
  }

 private:
  static BatchDecoder decoder_of(const plan::Scan& scan) {
    std::vector<plan::Column> projected;
    for (size_t index : scan.projection) projected.push_back(scan.columns[index]);
    return BatchDecoder(scan.table.to_string(), std::move(projected));
  }
  static uint32_t number(const PgResult& rows, int row, int column) {
    return static_cast<uint32_t>(std::stoul(PQgetvalue(rows.get(), row, column)));
  }
  static int32_t signed_number(const PgResult& rows, int row, int column) {
    return std::stoi(PQgetvalue(rows.get(), row, column));
  }
  PgResult rows(const std::string& sql) {
    PgResult result(PQexec(connection_.get(), sql.c_str()), &PQclear);
    checked(result, sql);
    return result;
  }
  void checked(const PgResult& result, const std::string& sql) {
    ExecStatusType status = PQresultStatus(result.get());
    EXPECT_TRUE(status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) << sql << "\n"
                                                                         << PQerrorMessage(connection_.get());
  }

  std::unique_ptr<PGconn, decltype(&PQfinish)> connection_{nullptr, &PQfinish};
};

/// A scan of all columns.
inline plan::Scan whole_table(const std::string& table, std::vector<plan::Column> columns) {
  plan::Scan scan;
  scan.table = {"pg_temp", table};
  scan.columns = std::move(columns);
  for (size_t i = 0; i < scan.columns.size(); i++) scan.projection.push_back(i);
  return scan;
}

}  // namespace weir::postgres
