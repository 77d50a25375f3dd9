/// Connections: reuse, limits, and servers that misbehave.
#include <atomic>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "connectors/postgres/freezable_proxy.h"
#include "connectors/postgres/source_fixture.h"

namespace weir::postgres {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

/// The test server's URL with parts replaced.
std::string url_with(const std::string& user, const std::string& password, const std::string& port,
                     const std::string& database) {
  return "postgres://" + user + ":" + password + "@localhost:" + port + "/" + database;
}

std::string part_of_url(const char* keyword) {
  const std::unique_ptr<PQconninfoOption, void (*)(PQconninfoOption*)> parsed(
      PQconninfoParse(test_url().c_str(), nullptr), &PQconninfoFree);
  for (const PQconninfoOption* option = parsed.get(); option->keyword != nullptr; option++) {
    if (std::string(option->keyword) == keyword && option->val != nullptr) return option->val;
  }
  return "";
}

class PostgresPoolTest : public SourceTest {
 protected:
  void SetUp() override {
    SourceTest::SetUp();
    if (HasFatalFailure()) return;
    make_table("users", 100);
    witness_->run("CREATE VIEW " + schema_ + ".slow AS SELECT 1::int8 AS id FROM pg_sleep(60)");
  }
  plan::Scan small_scan(connector::Source& source, const std::string& table) {
    plan::Scan scan = scan_of(source, table);
    scan.estimated_rows = 1;
    return scan;
  }
  int64_t connections() {
    return witness_->number("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'weir'");
  }
  void terminate_all() {
    witness_->run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'weir'");
    EXPECT_TRUE(eventually([&] { return connections() == 0; }, milliseconds(5000)));
  }
  /// Why a test of the connection fails.
  Error refusal(nlohmann::json connection) {
    const auto source = open(std::move(connection));
    const auto report = source->test();
    EXPECT_FALSE(report);
    return report ? Error{} : report.error();
  }
};

TEST_F(PostgresPoolTest, ReusesItsConnections) {
  const auto source = open();
  const plan::Scan scan = small_scan(*source, "users");
  for (int i = 0; i < 5; i++) EXPECT_EQ(drain(*read(*source, scan))->rows, 100);
  EXPECT_EQ(source->pool().opened_total, 1u);
  EXPECT_EQ(source->pool().in_use, 0);
  EXPECT_EQ(source->pool().idle, 1);
}

TEST_F(PostgresPoolTest, ANewQueryDoesNotNoticeThatTheServerEndedItsConnections) {
  const auto source = open();
  plan::Scan scan = small_scan(*source, "users");
  EXPECT_EQ(drain(*read(*source, scan))->rows, 100);
  for (const uint64_t estimated : {1u, 1'000'000u}) {
    terminate_all();
    scan.estimated_rows = estimated;
    const auto drained = drain(*read(*source, scan));
    ASSERT_TRUE(drained) << drained.error().to_string();
    EXPECT_EQ(drained->rows, 100);
  }
  EXPECT_EQ(source->pool().reconnects_total, 2u);
}

TEST_F(PostgresPoolTest, AReadThatFindsNoFreeConnectionFailsInTime) {
  const auto source = open({{"pool_size", 1}, {"pool_wait_ms", 50}});
  const auto blocking = read(*source, small_scan(*source, "slow"));
  const auto drained = drain(*read(*source, small_scan(*source, "users")));
  ASSERT_FALSE(drained);
  EXPECT_EQ(drained.error().code, ErrorCode::pool_exhausted);
}

TEST_F(PostgresPoolTest, AWaitingReadGetsTheNextFreeConnection) {
  const auto source = open({{"pool_size", 1}});
  auto blocking = read(*source, small_scan(*source, "slow"));
  const auto waiting = read(*source, small_scan(*source, "users"));
  EXPECT_EQ(waiting->poll(nullptr)->state, connector::BatchStream::State::pending);
  blocking.reset();
  EXPECT_EQ(drain(*waiting)->rows, 100);
}

TEST_F(PostgresPoolTest, AWaitingReadCanBeCancelled) {
  const auto source = open({{"pool_size", 1}, {"pool_wait_ms", 60'000}});
  const auto blocking = read(*source, small_scan(*source, "slow"));
  auto waiting = read(*source, small_scan(*source, "users"));
  const auto begun = steady_clock::now();
  waiting->cancel();
  waiting.reset();
  EXPECT_LT(steady_clock::now() - begun, milliseconds(1000));
}

TEST_F(PostgresPoolTest, NeverOpensMoreConnectionsThanItsSizeAndOneForCancelling) {
  const auto source = open({{"pool_size", 2}});
  const plan::Scan users = small_scan(*source, "users"), slow = small_scan(*source, "slow");
  std::vector<std::jthread> threads;
  std::atomic<int> left = 6;
  for (int i = 0; i < 6; i++) {
    threads.emplace_back([&] {
      for (int j = 0; j < 20; j++) {
        EXPECT_EQ(drain(*read(*source, users))->rows, 100);
        if (j % 5 == 0) read(*source, slow)->cancel();
      }
      left--;
    });
  }
  while (left > 0) EXPECT_LE(connections(), 3);
}

TEST_F(PostgresPoolTest, NamesAWrongPassword) {
  const Error error =
      refusal({{"url", url_with(part_of_url("user"), "marker-secret", part_of_url("port"), "postgres")}});
  EXPECT_EQ(error.code, ErrorCode::source_auth_failed) << error.to_string();
  EXPECT_EQ(error.source, "pg");
  EXPECT_EQ(error.to_string().find("marker-secret"), std::string::npos);
}

TEST_F(PostgresPoolTest, NamesAnUnknownDatabase) {
  const Error error =
      refusal({{"url", url_with(part_of_url("user"), part_of_url("password"), part_of_url("port"), "nowhere")}});
  EXPECT_EQ(error.code, ErrorCode::source_query_failed);
  EXPECT_NE(error.message.find("3D000"), std::string::npos);
}

TEST_F(PostgresPoolTest, NamesAnUnreachableServer) {
  const std::string port = std::make_unique<Listener>()->port();  // nobody listens there any more
  EXPECT_EQ(refusal({{"url", url_with("app", "x", port, "shop")}}).code, ErrorCode::source_unreachable);
}

TEST_F(PostgresPoolTest, AServerThatNeverAnswersIsUnreachableInTime) {
  const Listener silent;
  const Error error = refusal({{"url", url_with("app", "x", silent.port(), "shop")}, {"connect_timeout_ms", 100}});
  EXPECT_EQ(error.code, ErrorCode::source_unreachable);
}

TEST_F(PostgresPoolTest, NamesAServerWithoutTls) {
  const Listener listener;
  const std::jthread without_tls([&] {
    const int client = accept(listener.socket(), nullptr, nullptr);
    std::array<char, 8> request{};
    EXPECT_EQ(recv(client, request.data(), request.size(), MSG_WAITALL), 8);
    EXPECT_EQ(send(client, "N", 1, MSG_NOSIGNAL), 1);
    close(client);
  });
  EXPECT_EQ(refusal({{"url", url_with("app", "x", listener.port(), "shop")}}).code, ErrorCode::tls_not_offered);
}

TEST_F(PostgresPoolTest, NamesACertificateThatDoesNotVerify) {
  // The test server's authority is its own, not one of the system's.
  EXPECT_EQ(refusal({{"tls", "verify-full"}}).code, ErrorCode::tls_certificate_invalid);
}

TEST_F(PostgresPoolTest, ReportsVersionAndTls) {
  const auto report = open()->test();
  ASSERT_TRUE(report) << report.error().to_string();
  EXPECT_TRUE(report->version.starts_with("PG 1")) << report->version;
  EXPECT_TRUE(report->tls);
  EXPECT_GT(report->round_trip_ms, 0);
}

TEST_F(PostgresPoolTest, AHungServerHoldsUpNeitherCancelNorDestructor) {
  make_table("events", 200'000);
  for (const char* table : {"slow", "events"}) {
    FreezableProxy proxy(part_of_url("port"));
    const auto source =
        open({{"url", url_with(part_of_url("user"), part_of_url("password"), proxy.port(), part_of_url("dbname"))}});
    plan::Scan scan = scan_of(*source, table);
    auto stream = read(*source, scan, {.streams_max = 1, .queue_bytes_max = 1u << 20});
    ASSERT_TRUE(eventually([&] { return running_statements() > 0; }, milliseconds(5000)));
    proxy.freeze();
    const auto begun = steady_clock::now();
    stream->cancel();
    stream.reset();
    EXPECT_LT(steady_clock::now() - begun, milliseconds(500)) << table;
  }
}

TEST_F(PostgresPoolTest, ASecretIsReadAnewForEachConnection) {
  const std::string file = ::testing::TempDir() + "weir_password_" + std::to_string(getpid());
  const auto write = [&](const std::string& text) {
    FILE* out = fopen(file.c_str(), "w");
    ASSERT_NE(out, nullptr);
    fputs(text.c_str(), out);
    fclose(out);
  };
  write("wrong");
  const std::string url = "postgres://" + part_of_url("user") + "@localhost:" + part_of_url("port") + "/postgres";
  const auto source = open({{"url", url}, {"secret_ref", "$file:" + file}});
  EXPECT_EQ(source->test().error().code, ErrorCode::source_auth_failed);
  write(part_of_url("password"));
  EXPECT_TRUE(source->test());
  unlink(file.c_str());
}

TEST_F(PostgresPoolTest, RefusesASecretThatDoesNotResolveWithoutConnecting) {
  const auto opened = try_open({{"secret_ref", "$env:WEIR_NO_SUCH_VARIABLE"}});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::secret_unresolvable);
}

}  // namespace
}  // namespace weir::postgres
