#include "connectors/postgres/postgres_errors.h"

#include <gtest/gtest.h>

namespace weir::postgres {
namespace {

constexpr const char* kAt = "db.example.com:5432/shop";
const std::string kPrefix = R"(connection to server at "db.example.com" (10.0.0.7), port 5432 failed: )";

TEST(DescribeConnectFailure, SeesAWrongPassword) {
  const Error error = describe_connect_failure(
      kPrefix + "FATAL:  28P01: password authentication failed for user \"app\"\nLOCATION:  auth_failed, auth.c:326\n",
      kAt);
  EXPECT_EQ(error.code, ErrorCode::source_auth_failed);
  EXPECT_EQ(error.message,
            "the source refused the user or the password: password authentication failed for user \"app\" (SQLSTATE "
            "28P01) at db.example.com:5432/shop");
}

TEST(DescribeConnectFailure, ReadsTheSqlstateInAnyLanguage) {
  const Error error = describe_connect_failure(kPrefix + "SCHWERWIEGEND:  28000: kein pg_hba.conf-Eintrag\n", kAt);
  EXPECT_EQ(error.code, ErrorCode::source_auth_failed);
}

TEST(DescribeConnectFailure, SeesAnUnknownDatabase) {
  const Error error = describe_connect_failure(kPrefix + "FATAL:  3D000: database \"shop\" does not exist\n", kAt);
  EXPECT_EQ(error.code, ErrorCode::source_query_failed);
  EXPECT_NE(error.message.find("3D000"), std::string::npos);
}

TEST(DescribeConnectFailure, SeesThatTheSourceIsFull) {
  const Error error = describe_connect_failure(kPrefix + "FATAL:  53300: sorry, too many clients already\n", kAt);
  EXPECT_EQ(error.code, ErrorCode::pool_exhausted);
  EXPECT_NE(error.hint.find("max_connections"), std::string::npos);
}

TEST(DescribeConnectFailure, SeesThatNobodyListens) {
  const Error error = describe_connect_failure(
      kPrefix + "Connection refused\n\tIs the server running on that host and accepting TCP/IP connections?\n", kAt);
  EXPECT_EQ(error.code, ErrorCode::source_unreachable);
  EXPECT_EQ(error.message, "cannot connect at db.example.com:5432/shop: Connection refused");
}

TEST(DescribeConnectFailure, SeesAnUnknownHost) {
  const Error error = describe_connect_failure(
      "could not translate host name \"db.example.com\" to address: Name or service not known\n", kAt);
  EXPECT_EQ(error.code, ErrorCode::source_unreachable);
}

TEST(DescribeConnectFailure, SeesThatTlsIsNotOffered) {
  const Error error = describe_connect_failure(kPrefix + "server does not support SSL, but SSL was required\n", kAt);
  EXPECT_EQ(error.code, ErrorCode::tls_not_offered);
}

TEST(DescribeConnectFailure, SeesAWrongCertificate) {
  EXPECT_EQ(describe_connect_failure(kPrefix + "SSL error: certificate verify failed\n", kAt).code,
            ErrorCode::tls_certificate_invalid);
  EXPECT_EQ(describe_connect_failure(
                kPrefix + "server certificate for \"localhost\" does not match host name \"db.example.com\"\n", kAt)
                .code,
            ErrorCode::tls_certificate_invalid);
}

TEST(DescribeConnectFailure, TakesTheServersWordOverAnEarlierAddress) {
  const Error error = describe_connect_failure(kPrefix + "Connection refused\n" + kPrefix + "FATAL:  28P01: no\n", kAt);
  EXPECT_EQ(error.code, ErrorCode::source_auth_failed);
}

TEST(IsStartingUp, LooksAtTheSqlstateOnly) {
  EXPECT_TRUE(is_starting_up(kPrefix + "FATAL:  57P03: the database system is starting up\n"));
  EXPECT_FALSE(is_starting_up(kPrefix + "Connection refused\n"));
}

TEST(DescribeStatementFailure, SeesDrift) {
  for (const char* sqlstate : {"42P01", "42703", "3F000", "42883"}) {
    EXPECT_EQ(describe_statement_failure({sqlstate, "gone"}).code, ErrorCode::schema_drift) << sqlstate;
  }
}

TEST(DescribeStatementFailure, SeesALostConnection) {
  for (const char* sqlstate : {"57P01", "57P02", "08006", ""}) {
    EXPECT_EQ(describe_statement_failure({sqlstate, "gone"}).code, ErrorCode::source_connection_lost) << sqlstate;
  }
}

TEST(DescribeStatementFailure, TellsATimeoutFromACancel) {
  EXPECT_EQ(describe_statement_failure({"57014", "canceling statement due to statement timeout"}).code,
            ErrorCode::timeout);
  EXPECT_EQ(describe_statement_failure({"57014", "canceling statement due to user request"}).code,
            ErrorCode::source_query_failed);
}

TEST(DescribeStatementFailure, ShowsTheSourcesWordsAndSqlstate) {
  const Error error = describe_statement_failure({"22012", "division by zero"});
  EXPECT_EQ(error.code, ErrorCode::source_query_failed);
  EXPECT_EQ(error.message, "the source refused the statement: division by zero (SQLSTATE 22012)");
}

TEST(DescribeStatementFailure, SaysWhatToGrant) {
  EXPECT_NE(describe_statement_failure({"42501", "permission denied for table t"}).hint.find("grant SELECT"),
            std::string::npos);
}

}  // namespace
}  // namespace weir::postgres
