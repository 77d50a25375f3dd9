/// Changes of a live server, as they arrive.
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "connectors/postgres/changes_fixture.h"

namespace weir::postgres {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

using PostgresChangesTest = ChangesTest;

TEST_F(PostgresChangesTest, BringsInsertsUpdatesAndDeletes) {
  witness_->run("CREATE TABLE " + table("users") + " (id int8 PRIMARY KEY, name text)");
  follow({"users"});
  witness_->run("INSERT INTO " + table("users") + " VALUES (1, 'a'), (2, NULL)");
  EXPECT_THAT(read_lines(2), ElementsAre("insert id=1 name=a", "insert id=2 name=NULL"));
  witness_->run("UPDATE " + table("users") + " SET name = 'b' WHERE id = 1");
  EXPECT_THAT(read_lines(1), ElementsAre("update id=1 name=b"));
  witness_->run("DELETE FROM " + table("users") + " WHERE id = 2");
  EXPECT_THAT(read_lines(1), ElementsAre("delete id=2 name=NULL"));
}

TEST_F(PostgresChangesTest, BringsChangesOfACompositeKeyInKeyOrder) {
  witness_->run("CREATE TABLE " + table("stock") + " (amount int, shelf text, item int, PRIMARY KEY (item, shelf))");
  follow({"stock"});
  EXPECT_THAT(tables_[0]->key, ElementsAre("item", "shelf"));
  witness_->run("INSERT INTO " + table("stock") + " VALUES (5, 'a', 1); UPDATE " + table("stock") +
                " SET shelf = 'b'; UPDATE " + table("stock") + " SET amount = 6; DELETE FROM " + table("stock"));
  EXPECT_THAT(read_lines(5),
              ElementsAre(HasSubstr("insert amount=5 shelf=a item=1"), HasSubstr("delete amount=NULL shelf=a item=1"),
                          HasSubstr("update amount=5 shelf=b item=1"), HasSubstr("update amount=6 shelf=b item=1"),
                          HasSubstr("delete amount=NULL shelf=b item=1")));
}

TEST_F(PostgresChangesTest, KnowsNumericKeysByTheirValue) {
  witness_->run("CREATE TABLE " + table("prices") + " (price numeric(10,4) PRIMARY KEY, free numeric UNIQUE NOT NULL)");
  witness_->run("ALTER TABLE " + table("prices") + " REPLICA IDENTITY USING INDEX prices_free_key");
  follow({"prices"});
  witness_->run("BEGIN; INSERT INTO " + table("prices") + " VALUES (1, 1.0); UPDATE " + table("prices") +
                " SET free = 1.000; COMMIT");
  EXPECT_THAT(read_lines(2), ElementsAre(HasSubstr("superseded"), HasSubstr("update price=1.0000 free=1.0000000000")));
}

TEST_F(PostgresChangesTest, FollowsATableByAnIndexOtherThanItsPrimaryKey) {
  witness_->run("CREATE TABLE " + table("users") +
                " (id int8 PRIMARY KEY, code text NOT NULL, name text); "
                "CREATE UNIQUE INDEX by_code ON " +
                table("users") +
                " (code); "
                "ALTER TABLE " +
                table("users") + " REPLICA IDENTITY USING INDEX by_code");
  follow({"users"});
  EXPECT_THAT(tables_[0]->key, ElementsAre("code"));
  witness_->run("INSERT INTO " + table("users") + " VALUES (1, 'x', 'a'); UPDATE " + table("users") +
                " SET id = 2; DELETE FROM " + table("users"));
  EXPECT_THAT(read_lines(3), ElementsAre(HasSubstr("insert id=1 code=x name=a"), HasSubstr("update id=2 code=x name=a"),
                                         HasSubstr("delete id=NULL code=x name=NULL")));
}

TEST_F(PostgresChangesTest, UnchangedLongValuesAreNamedOrTakenFromTheOldRow) {
  witness_->run("CREATE TABLE " + table("docs") +
                " (id int PRIMARY KEY, title text, body text); "
                "ALTER TABLE " +
                table("docs") +
                " ALTER body SET STORAGE EXTERNAL; "
                "INSERT INTO " +
                table("docs") + " SELECT i, 't', repeat('x', 3000) FROM generate_series(1, 3) i");
  follow({"docs"});
  witness_->run("UPDATE " + table("docs") + " SET title = 'u' WHERE id = 1");
  EXPECT_THAT(read_lines(1), ElementsAre("update id=1 title=u body=NULL unchanged[body]"));
  witness_->run("UPDATE " + table("docs") + " SET id = 7 WHERE id = 2");
  EXPECT_THAT(read_lines(2), ElementsAre("delete id=2 title=NULL body=NULL",
                                         "update id=7 title=t body=NULL unchanged[body] moved{id:int32 = 2}"));
  const std::string body(2500, 'y');
  witness_->run("BEGIN; UPDATE " + table("docs") + " SET body = '" + body + "' WHERE id = 3; UPDATE " + table("docs") +
                " SET title = 'v' WHERE id = 3; COMMIT");
  EXPECT_THAT(read_lines(2),
              ElementsAre("update id=3 title=t body=" + body + " superseded", "update id=3 title=v body=" + body));
  witness_->run("ALTER TABLE " + table("docs") + " REPLICA IDENTITY FULL; UPDATE " + table("docs") +
                " SET title = 'w' WHERE id = 3");
  EXPECT_THAT(read_lines(1), ElementsAre("update id=3 title=w body=" + body));
}

TEST_F(PostgresChangesTest, ATruncateOfSeveralTablesIsOneChangeOfEach) {
  witness_->run("CREATE TABLE " + table("a") + " (id int PRIMARY KEY); CREATE TABLE " + table("b") +
                " (id int PRIMARY KEY); CREATE TABLE " + table("c") + " (id int PRIMARY KEY)");
  follow({"a", "b"});
  witness_->run("INSERT INTO " + table("a") + " VALUES (1)");
  EXPECT_THAT(read_lines(1), SizeIs(1));
  witness_->run("TRUNCATE " + table("a") + ", " + table("b") + ", " + table("c") + " RESTART IDENTITY CASCADE");
  EXPECT_THAT(read_lines(2), UnorderedElementsAre("truncate a", "truncate b"));
}

TEST_F(PostgresChangesTest, ASavepointThatWasRolledBackInAStreamedTransactionLeavesNothing) {
  witness_->run("CREATE TABLE " + table("users") + " (id int8 PRIMARY KEY, name text)");
  auto limits = quick();
  limits.spill_memory_bytes = 100'000;
  follow({"users"}, limits);
  const auto many = [&](int from, int to) {
    return "INSERT INTO " + table("users") + " SELECT i, repeat('x', 100) FROM generate_series(" +
           std::to_string(from) + ", " + std::to_string(to) + ") i; ";
  };
  witness_->run("BEGIN; " + many(1, 5000) + "SAVEPOINT s; " + many(5001, 10'000) + "SAVEPOINT t; " +
                many(10'001, 15'000) + "ROLLBACK TO s; " + many(20'001, 25'000));
  // It is sent before its commit.
  EXPECT_TRUE(eventually([&] { return stream_->stats().spilled_bytes > 100'000; }, milliseconds(10'000)));
  witness_->run("COMMIT");
  const auto lines = read_lines(10'000);
  ASSERT_THAT(lines, SizeIs(10'000));
  EXPECT_TRUE(lines[4999].starts_with("insert id=5000 "));
  EXPECT_TRUE(lines[5000].starts_with("insert id=20001 "));
  EXPECT_EQ(stream_->stats().spilled_bytes, 0u);
}

TEST_F(PostgresChangesTest, StreamedTransactionsThatInterleaveComeInTheOrderOfTheirCommits) {
  witness_->run("CREATE TABLE " + table("users") + " (id int8 PRIMARY KEY, name text)");
  follow({"users"});
  Witness other, third;
  const auto many = [&](int from) {
    return "INSERT INTO " + table("users") + " SELECT i, repeat('x', 100) FROM generate_series(" +
           std::to_string(from) + ", " + std::to_string(from + 1999) + ") i";
  };
  witness_->run("BEGIN; " + many(1));
  other.run("BEGIN; " + many(10'001));
  third.run("BEGIN; " + many(20'001));
  witness_->run(many(2001));
  other.run(many(12'001));
  third.run(many(22'001) + "; ROLLBACK");
  other.run("COMMIT");
  witness_->run("COMMIT");
  const auto lines = read_lines(8000);
  ASSERT_THAT(lines, SizeIs(8000));
  EXPECT_TRUE(lines[0].starts_with("insert id=10001 "));
  EXPECT_TRUE(lines[4000].starts_with("insert id=1 "));
  EXPECT_TRUE(lines[7999].starts_with("insert id=4000 "));
}

TEST_F(PostgresChangesTest, ALargeTransactionComesInPartsThatEndWithAWholeOne) {
  witness_->run("CREATE TABLE " + table("users") + " (id int8 PRIMARY KEY)");
  auto limits = quick();
  limits.rows_max = 1000;
  follow({"users"}, limits);
  witness_->run("INSERT INTO " + table("users") + " SELECT generate_series(1, 3500)");
  std::vector<bool> complete;
  uint64_t rows = 0;
  while (rows < 3500) {
    auto group = stream_->next(milliseconds(10'000));
    ASSERT_TRUE(group && *group);
    complete.push_back((*group)->complete);
    rows += (*group)->rows;
  }
  EXPECT_THAT(complete, ElementsAre(false, false, false, true));
}

TEST_F(PostgresChangesTest, RefusesByNameWhatCannotBeFollowed) {
  witness_->run("CREATE TABLE " + table("keyless") +
                " (id int); "
                "CREATE TABLE " +
                table("full_keyless") +
                " (id int); "
                "ALTER TABLE " +
                table("full_keyless") +
                " REPLICA IDENTITY FULL; "
                "CREATE TABLE " +
                table("nothing") +
                " (id int PRIMARY KEY); "
                "ALTER TABLE " +
                table("nothing") +
                " REPLICA IDENTITY NOTHING; "
                "CREATE TABLE " +
                table("parts") +
                " (id int PRIMARY KEY) PARTITION BY RANGE (id); "
                "CREATE TABLE " +
                table("part") + " PARTITION OF " + table("parts") +
                " FOR VALUES FROM (0) TO (10); "
                "CREATE TABLE " +
                table("parent") +
                " (id int PRIMARY KEY); "
                "CREATE TABLE " +
                table("child") + " () INHERITS (" + table("parent") +
                "); "
                "CREATE UNLOGGED TABLE " +
                table("unlogged") +
                " (id int PRIMARY KEY); "
                "CREATE VIEW " +
                table("view") +
                " AS SELECT 1 AS id; "
                "CREATE TABLE " +
                table("deferred") + " (id int PRIMARY KEY DEFERRABLE)");
  const std::vector<std::pair<std::string, std::string>> expected = {
      {"keyless", "table has no primary key — cannot CDC sync"},
      {"full_keyless", "table has no primary key — cannot CDC sync"},
      {"nothing", "replica_identity_nothing"},
      {"parts", "partitioned_table"},
      {"part", ""},
      {"parent", "table_has_children"},
      {"unlogged", "table_not_logged"},
      {"view", "not_a_table"},
      {"deferred", "table has no primary key — cannot CDC sync"},
      {"missing", "table_not_found"}};
  std::vector<plan::TableName> names;
  for (const auto& [name, reason] : expected) names.push_back({schema_, name});
  const auto candidates = changes_->examine(names);
  ASSERT_TRUE(candidates) << candidates.error().to_string();
  for (size_t i = 0; i < expected.size(); i++) {
    EXPECT_EQ((*candidates)[i].stop ? (*candidates)[i].stop->reason : "", expected[i].second) << expected[i].first;
  }
  // A table without an identity would refuse updates as soon as it is published.
  const Status published = changes_->publish({{schema_, "keyless"}});
  ASSERT_FALSE(published);
  EXPECT_THAT(published.error().message, HasSubstr("no primary key"));
}

TEST_F(PostgresChangesTest, PublishesExactlyTheTablesThatItIsAskedFor) {
  witness_->run("CREATE TABLE " + table("a") + " (id int PRIMARY KEY); CREATE TABLE " + table("b") +
                " (id int PRIMARY KEY)");
  follow({"a"});
  witness_->run("INSERT INTO " + table("b") + " VALUES (1)");
  ASSERT_TRUE(changes_->publish({{schema_, "a"}, {schema_, "b"}}));
  witness_->run("INSERT INTO " + table("b") + " VALUES (2); INSERT INTO " + table("a") + " VALUES (3)");
  EXPECT_THAT(read_lines(2), UnorderedElementsAre("insert id=2", "insert id=3"));
  ASSERT_TRUE(changes_->publish({{schema_, "b"}}));
  witness_->run("INSERT INTO " + table("a") + " VALUES (4); INSERT INTO " + table("b") + " VALUES (5)");
  EXPECT_THAT(read_lines(1), ElementsAre("insert id=5"));
  ASSERT_TRUE(changes_->publish({}));
  ASSERT_TRUE(changes_->publish({{schema_, "a"}}));
}

TEST_F(PostgresChangesTest, BeginsAgainWhereItWasConfirmed) {
  witness_->run("CREATE TABLE " + table("users") + " (id int8 PRIMARY KEY)");
  follow({"users"});
  witness_->run("INSERT INTO " + table("users") + " VALUES (1)");
  EXPECT_THAT(read_lines(1), ElementsAre("insert id=1"));
  witness_->run("INSERT INTO " + table("users") + " VALUES (2)");
  reopen();
  EXPECT_THAT(read_lines(1), ElementsAre("insert id=2"));
  // Delivered but not landed.
  witness_->run("INSERT INTO " + table("users") + " VALUES (3)");
  auto group = stream_->next(milliseconds(10'000));
  ASSERT_TRUE(group && *group);
  reopen();
  EXPECT_THAT(read_lines(1), ElementsAre("insert id=3"));
}

TEST_F(PostgresChangesTest, NothingIsLostOrDoubledWhenConnectionsAreCut) {
  witness_->run("CREATE TABLE " + table("users") + " (id int8 PRIMARY KEY)");
  auto limits = quick();
  limits.rows_max = 50;
  follow({"users"}, limits);
  std::jthread writer([&] {
    Witness session;
    for (int i = 0; i < 400; i++) {
      session.run("INSERT INTO " + table("users") + " SELECT generate_series(" + std::to_string(10 * i) + ", " +
                  std::to_string(10 * i + 9) + ")");
    }
  });
  std::vector<std::string> landed, open;
  int cuts = 0;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (landed.size() < 4000 && std::chrono::steady_clock::now() < deadline) {
    auto group = stream_->next(milliseconds(100));
    if (!group) {
      EXPECT_EQ(group.error().code, ErrorCode::source_connection_lost) << group.error().to_string();
      open.clear();
      reopen(limits);
      continue;
    }
    if (!*group) continue;
    const bool complete = (*group)->complete;
    for (std::string& line : land(std::move(**group))) open.push_back(std::move(line));
    if (!complete) continue;
    landed.insert(landed.end(), open.begin(), open.end());
    open.clear();
    if (landed.size() / 500 > static_cast<size_t>(cuts)) {
      cuts++;
      Witness().run("SELECT pg_terminate_backend(pid) FROM pg_stat_replication WHERE application_name = 'weir'");
    }
  }
  writer.join();
  ASSERT_THAT(landed, SizeIs(4000));
  EXPECT_GE(cuts, 6);
  for (size_t i = 0; i < landed.size(); i++) ASSERT_EQ(landed[i], "insert id=" + std::to_string(i));
}

TEST_F(PostgresChangesTest, TellsTheSourceOnlyWhatWasConfirmed) {
  witness_->run("CREATE TABLE " + table("users") + " (id int8 PRIMARY KEY)");
  follow({"users"});
  const auto before = changes_->state();
  ASSERT_TRUE(before) << before.error().to_string();
  EXPECT_TRUE(before->follows && before->usable);
  witness_->run("INSERT INTO " + table("users") + " VALUES (1)");
  auto group = stream_->next(milliseconds(10'000));
  ASSERT_TRUE(group && *group);
  EXPECT_EQ(changes_->state()->confirmed, before->confirmed);
  stream_->confirm((*group)->position);
  EXPECT_TRUE(eventually([&] { return changes_->state()->confirmed == (*group)->position; }, milliseconds(2'000)));
}

TEST_F(PostgresChangesTest, AnIdleDatabaseMovesOnWithThePositionThatWasLanded) {
  witness_->run("CREATE TABLE " + table("users") + " (id int8 PRIMARY KEY); CREATE TABLE " + table("other") +
                " (id int8)");
  follow({"users"});
  const auto before = position_;
  witness_->run("INSERT INTO " + table("other") + " SELECT generate_series(1, 1000)");
  ASSERT_TRUE(changes_->heartbeat());
  const std::string end = changes_->state()->end;
  EXPECT_TRUE(eventually(
      [&] {
        auto group = stream_->next(milliseconds(100));
        if (group && *group) {
          EXPECT_THAT(land(std::move(**group)), IsEmpty());
        }
        return position_ >= end;
      },
      milliseconds(15'000)));
  EXPECT_GT(position_, before);
  EXPECT_TRUE(eventually([&] { return changes_->state()->confirmed >= end; }, milliseconds(2'000)));
}

TEST_F(PostgresChangesTest, ASlotThatIsGoneIsSaidSo) {
  witness_->run("CREATE TABLE " + table("users") + " (id int8 PRIMARY KEY)");
  follow({"users"});
  const auto again = changes_->follow();
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, ErrorCode::already_exists);
  ASSERT_TRUE(changes_->forget());
  // Whatever the running stream says, it ends.
  EXPECT_TRUE(eventually([&] { return !stream_->next(milliseconds(100)); }, milliseconds(10'000)));
  const auto opened = changes_->stream(position_, tables_, quick());
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::replication_slot_missing);
  EXPECT_EQ(opened.error().source, "pg");
  EXPECT_FALSE(changes_->state()->follows);
}

TEST_F(PostgresChangesTest, ASlotThatIsAheadOfTheCopyIsDataLoss) {
  witness_->run("CREATE TABLE " + table("users") + " (id int8 PRIMARY KEY)");
  follow({"users"});
  stream_.reset();
  EXPECT_TRUE(eventually(
      [&] {
        return witness_->value("SELECT count(*) FROM pg_replication_slots WHERE active AND slot_name = 'weir_" +
                               std::to_string(getpid()) + "'") == "0";
      },
      milliseconds(5'000)));
  witness_->run("INSERT INTO " + table("users") + " VALUES (1)");
  witness_->run("SELECT pg_replication_slot_advance('weir_" + std::to_string(getpid()) + "', pg_current_wal_lsn())");
  const auto opened = changes_->stream(position_, tables_, quick());
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::sync_data_loss);
}

TEST_F(PostgresChangesTest, ReadsAPositionAsPeopleWriteIt) {
  EXPECT_EQ(*changes_->position_of("16/B374D848"), "00000016B374D848");
  EXPECT_EQ(*changes_->position_of("00000016B374D848"), "00000016B374D848");
  EXPECT_EQ(changes_->position_of("yesterday").error().code, ErrorCode::invalid_option);
}

TEST_F(PostgresChangesTest, AUserWithoutTheRightsIsToldWhichOneIsMissing) {
  const std::string role = "weir_plain_" + std::to_string(getpid());
  witness_->run("CREATE TABLE " + table("users") + " (id int8 PRIMARY KEY); DROP ROLE IF EXISTS " + role +
                "; CREATE ROLE " + role + " LOGIN PASSWORD 'x'; GRANT USAGE ON SCHEMA " + schema_ + " TO " + role);
  std::string url = test_url();
  url.replace(url.find("//") + 2, url.find('@') - url.find("//") - 2, role + ":x");
  const auto source = open({{"url", url}});
  const auto refused = source->changes()->examine({{schema_, "users"}});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::source_permission_denied) << refused.error().to_string();
  EXPECT_THAT(refused.error().message, HasSubstr("REPLICATION"));
  witness_->run("ALTER ROLE " + role + " REPLICATION");
  auto candidates = source->changes()->examine({{schema_, "users"}});
  ASSERT_TRUE(candidates) << candidates.error().to_string();
  EXPECT_EQ(candidates->at(0).stop->reason, "permission_denied: SELECT");
  witness_->run("GRANT SELECT ON " + table("users") + " TO " + role);
  candidates = source->changes()->examine({{schema_, "users"}});
  EXPECT_EQ(candidates->at(0).stop->reason, "permission_denied: owner");
  witness_->run("ALTER TABLE " + table("users") + " OWNER TO " + role);
  candidates = source->changes()->examine({{schema_, "users"}});
  EXPECT_TRUE(candidates->at(0).table);
  const Status published = source->changes()->publish({{schema_, "users"}});
  ASSERT_FALSE(published);
  EXPECT_EQ(published.error().code, ErrorCode::source_permission_denied) << published.error().to_string();
  witness_->run("DROP TABLE " + table("users") + "; DROP OWNED BY " + role + "; DROP ROLE " + role);
}

}  // namespace
}  // namespace weir::postgres
