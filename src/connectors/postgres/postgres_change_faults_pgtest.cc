/// Following a source that does what it rarely does.
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "connectors/postgres/changes_fixture.h"
#include "connectors/postgres/source_catalog.h"

namespace weir::postgres {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class PostgresChangeFaultsTest : public ChangesTest {
 protected:
  void make_users() { witness_->run("CREATE TABLE " + table("users") + " (id int8 PRIMARY KEY, name text)"); }
  static std::shared_ptr<const ChangeContext> context() {
    const nlohmann::json body = {{"name", "pg"}, {"type", "postgres"}, {"connection", {{"url", test_url()}}}};
    const auto options = read_options(options::validate(postgres_option_group(), body).value()).value();
    auto context = std::make_shared<ChangeContext>();
    context->options = options;
    context->open = [options](Waiter& waiter, Deadline deadline) {
      return Connection::open(make_parameters(options, options::SecretResolver()).value(), {}, waiter, deadline);
    };
    return context;
  }
  /// Backends of ours that make a slot.
  int64_t making_slots() {
    return witness_->number(
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'weir' AND query LIKE "
        "'CREATE_REPLICATION_SLOT%' AND state = 'active' AND datname = current_database()");
  }
};

TEST_F(PostgresChangeFaultsTest, ADescriptionThatWasRolledBackHoldsForTheRowsThatFollow) {
  make_users();
  witness_->run("CREATE TABLE " + table("notes") + " (id int8 PRIMARY KEY, name text)");
  follow({"users", "notes"});
  const auto many = [&](const std::string& name) {
    return "INSERT INTO " + table(name) + " SELECT i, repeat('x', 100) FROM generate_series(1, 5000) i; ";
  };
  witness_->run("BEGIN; SAVEPOINT s; " + many("users") + many("notes") + "ROLLBACK TO s; INSERT INTO " +
                table("users") + " VALUES (7, 'a'); COMMIT");
  EXPECT_THAT(read_lines(1), ElementsAre("insert id=7 name=a"));
  witness_->run("INSERT INTO " + table("notes") + " VALUES (8, 'b')");
  EXPECT_THAT(read_lines(1), ElementsAre("insert id=8 name=b"));
}

TEST_F(PostgresChangeFaultsTest, RefusesATableWithValuesThatCannotBeSentInBinaryForm) {
  witness_->run("CREATE TYPE " + schema_ + ".pair AS (a int, b aclitem); CREATE DOMAIN " + schema_ +
                ".rights AS aclitem[]");
  for (const auto& type : {std::string("aclitem[]"), schema_ + ".pair", schema_ + ".pair[]", schema_ + ".rights"}) {
    witness_->run("DROP TABLE IF EXISTS " + table("users") + "; CREATE TABLE " + table("users") +
                  " (id int8 PRIMARY KEY, rights " + type + ")");
    const auto candidates = changes_->examine({{schema_, "users"}});
    ASSERT_TRUE(candidates) << candidates.error().to_string();
    ASSERT_TRUE(candidates->at(0).stop) << type;
    EXPECT_EQ(candidates->at(0).stop->reason, "no_binary_form: rights") << type;
  }
  // A value that is sent as a whole comes as text.
  witness_->run("DROP TABLE " + table("users") + "; CREATE TABLE " + table("users") +
                " (id int8 PRIMARY KEY, rights aclitem, ranges int4range[], at point)");
  follow({"users"});
  witness_->run("INSERT INTO " + table("users") + " VALUES (1, '=r/" + witness_->value("SELECT current_user") +
                "', '{\"[1,3)\"}', '(1,2)')");
  EXPECT_THAT(read_lines(1), ElementsAre(HasSubstr("rights==r/")));
}

TEST_F(PostgresChangeFaultsTest, MakingASlotEndsWhenItIsToldToAndLeavesNothing) {
  make_users();
  follow({"users"});
  Witness busy;
  busy.run("BEGIN; INSERT INTO " + table("users") + " VALUES (1)");
  std::stop_source stop;
  auto point = std::async(std::launch::async, [&] { return changes_->snapshot_point(stop.get_token()); });
  EXPECT_TRUE(eventually([&] { return making_slots() == 1; }, milliseconds(10'000)));
  stop.request_stop();
  ASSERT_EQ(point.wait_for(milliseconds(5'000)), std::future_status::ready);
  const auto made = point.get();
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, ErrorCode::cancelled);
  EXPECT_TRUE(eventually([&] { return making_slots() == 0; }, milliseconds(5'000)));
  EXPECT_EQ(
      witness_->value("SELECT count(*) FROM pg_replication_slots WHERE temporary AND database = current_database()"),
      "0");
  busy.run("ROLLBACK");
}

TEST_F(PostgresChangeFaultsTest, ASourceThatIsQuickToDropConnectionsWaitsForAFullQueue) {
  make_users();
  witness_->run("ALTER ROLE CURRENT_USER SET wal_sender_timeout = '1s'");
  auto limits = quick();
  limits.rows_max = 10;
  follow({"users"}, limits);
  witness_->run("INSERT INTO " + table("users") + " SELECT generate_series(1, 200)");
  const auto walsender = [&] {
    return witness_->value("SELECT active_pid FROM pg_replication_slots WHERE slot_name = 'weir_" +
                           std::to_string(getpid()) + "'");
  };
  const std::string before = walsender();
  // Nobody takes anything for several times as long.
  EXPECT_FALSE(eventually([&] { return walsender() != before; }, milliseconds(4'000)));
  EXPECT_EQ(read_lines(200).size(), 200u);
  witness_->run("ALTER ROLE CURRENT_USER RESET wal_sender_timeout");
}

TEST_F(PostgresChangeFaultsTest, CatalogsFromBeforeATransactionAreNotBelieved) {
  make_users();
  Waiter waiter;
  SourceCatalog catalog(context(), waiter);
  Witness busy;
  busy.run("BEGIN; ALTER TABLE " + table("users") + " ADD COLUMN age int");
  const auto xid = static_cast<uint32_t>(busy.number("SELECT pg_current_xact_id()::text::int8"));
  const auto oid = static_cast<uint32_t>(witness_->number("SELECT '" + table("users") + "'::regclass::oid"));
  const auto found = catalog.table(oid, xid);
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, ErrorCode::timeout);
  busy.run("COMMIT");
  const auto again = catalog.table(oid, xid);
  ASSERT_TRUE(again && *again);
  EXPECT_EQ((*again)->attributes.size(), 3u);
}

}  // namespace
}  // namespace weir::postgres
