/// Tables that change their form while they are followed, and while nobody listens.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "connectors/postgres/changes_fixture.h"

namespace weir::postgres {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

class PostgresDriftTest : public ChangesTest {
 protected:
  void SetUp() override {
    ChangesTest::SetUp();
    if (witness_ == nullptr) return;
    witness_->run("CREATE TABLE " + table("users") +
                  " (id int4 PRIMARY KEY, name varchar(10), old text); INSERT INTO " + table("users") +
                  " VALUES (1, 'a', 'o')");
    follow({"users"});
  }
  void alter(const std::string& text) { witness_->run("ALTER TABLE " + table("users") + " " + text); }
  void update() { witness_->run("UPDATE " + table("users") + " SET id = id"); }
};

TEST_F(PostgresDriftTest, AnAddedColumnHasTheDefaultInOldRows) {
  alter("ADD COLUMN age int DEFAULT 18, ADD COLUMN note text, ADD COLUMN tags text[] DEFAULT '{}'");
  update();
  EXPECT_THAT(read_lines(2), ElementsAre("schema users +age:integer=18 +note:text=NULL +tags:text[]=[]",
                                         "update id=1 name=a old=o age=18 note=NULL tags=list<item: string>[]"));
}

TEST_F(PostgresDriftTest, AColumnWhoseVolatileDefaultIsGoneAgainStopsTheTable) {
  alter("ADD COLUMN token uuid DEFAULT gen_random_uuid()");
  alter("ALTER token DROP DEFAULT");
  update();
  EXPECT_THAT(read_lines(1), ElementsAre("end users: column_default_volatile: token"));
}

TEST_F(PostgresDriftTest, AColumnWhoseTypeHasTheDefaultStopsTheTable) {
  witness_->run("CREATE DOMAIN " + schema_ + ".level AS int DEFAULT 5 CHECK (VALUE > 0)");
  alter("ADD COLUMN level " + schema_ + ".level");
  update();
  EXPECT_THAT(read_lines(1), ElementsAre("end users: column_default_volatile: level"));
}

TEST_F(PostgresDriftTest, ARewriteThatChangesNothingIsNoReasonToStopLater) {
  witness_->run("VACUUM FULL " + table("users"));
  update();
  EXPECT_THAT(read_lines(1), ElementsAre("update id=1 name=a old=o"));
  reopen();
  alter("ADD COLUMN note text");
  update();
  EXPECT_THAT(read_lines(2), ElementsAre("schema users +note:text=NULL", "update id=1 name=a old=o note=NULL"));
  witness_->run("TRUNCATE " + table("users"));
  EXPECT_THAT(read_lines(1), ElementsAre("truncate users"));
  stream_.reset();
  alter("ADD COLUMN more text");
  witness_->run("INSERT INTO " + table("users") + " VALUES (2)");
  reopen();
  EXPECT_THAT(read_lines(2), ElementsAre("schema users +more:text=NULL", HasSubstr("insert id=2")));
}

TEST_F(PostgresDriftTest, ALaterRewriteIsNotHiddenByAnEarlierChange) {
  stream_.reset();
  alter("ADD COLUMN note text DEFAULT 'n'");
  update();
  alter("ADD COLUMN token float8 DEFAULT random()");
  update();
  reopen();
  EXPECT_THAT(read_lines(1), ElementsAre(HasSubstr("end users: column_default_volatile")));
}

TEST_F(PostgresDriftTest, AColumnThatIsComputedNoLongerIsNotANewOne) {
  witness_->run("CREATE TABLE " + table("sums") +
                " (a int PRIMARY KEY, b int GENERATED ALWAYS AS (a + 1) STORED, c int)");
  ASSERT_TRUE(changes_->forget());
  follow({"sums"});
  witness_->run("ALTER TABLE " + table("sums") + " ALTER b DROP EXPRESSION; INSERT INTO " + table("sums") +
                " VALUES (1, 2, 3)");
  EXPECT_THAT(read_lines(1), ElementsAre("end sums: column_not_copied: b"));
}

TEST_F(PostgresDriftTest, AColumnThatHasComeAndGoneIsNotTakenForAnother) {
  stream_.reset();
  alter("ADD COLUMN x text");
  witness_->run("INSERT INTO " + table("users") + " VALUES (2, 'b', 'o', 'of x')");
  alter("DROP COLUMN x, ADD COLUMN y text");
  update();
  reopen();
  EXPECT_THAT(read_lines(1), ElementsAre("end users: schema_unclear"));
}

TEST_F(PostgresDriftTest, AColumnThatWasReplacedAfterAnotherChangeStopsTheTable) {
  stream_.reset();
  alter("DROP COLUMN old");
  update();
  alter("DROP COLUMN name, ADD COLUMN name varchar(10)");
  reopen();
  EXPECT_THAT(read_lines(1), ElementsAre("end users: column_replaced: name"));
}

TEST_F(PostgresDriftTest, OldRowsHaveTheDefaultAsASnapshotShowsIt) {
  alter("ADD COLUMN ip inet DEFAULT '10.0.0.1', ADD COLUMN ips inet[] DEFAULT '{10.0.0.1,::1/64}'");
  update();
  EXPECT_THAT(read_lines(2), ElementsAre("schema users +ip:inet=10.0.0.1/32 +ips:inet[]=['10.0.0.1/32', '::1/64']",
                                         HasSubstr("ip=10.0.0.1/32")));
}

TEST_F(PostgresDriftTest, ADefaultThatWasSetLaterIsNotInOldRows) {
  alter("ADD COLUMN age int");
  alter("ALTER age SET DEFAULT 18");
  update();
  EXPECT_THAT(read_lines(2), ElementsAre("schema users +age:integer=NULL", "update id=1 name=a old=o age=NULL"));
}

TEST_F(PostgresDriftTest, ARenamedColumnIsTheSameColumn) {
  alter("RENAME name TO full_name");
  update();
  EXPECT_THAT(read_lines(2), ElementsAre("schema users name->full_name", "update id=1 full_name=a old=o"));
}

TEST_F(PostgresDriftTest, ARenamedKeyIsTheSameKey) {
  alter("RENAME id TO user_id");
  witness_->run("UPDATE " + table("users") + " SET name = 'b'");
  EXPECT_THAT(read_lines(2), ElementsAre("schema users id->user_id", "update user_id=1 name=b old=o"));
  EXPECT_THAT(tables_[0]->key, ElementsAre("user_id"));
}

TEST_F(PostgresDriftTest, ADroppedColumnIsGone) {
  alter("DROP COLUMN old");
  update();
  EXPECT_THAT(read_lines(2), ElementsAre("schema users -old", "update id=1 name=a"));
}

TEST_F(PostgresDriftTest, AColumnThatWasReplacedUnderItsNameStopsTheTable) {
  alter("DROP COLUMN old");
  alter("ADD COLUMN old text");
  update();
  EXPECT_THAT(read_lines(1), ElementsAre("end users: column_replaced: old"));
}

TEST_F(PostgresDriftTest, TypesThatHoldEveryOldValueGoOn) {
  alter("ALTER id TYPE int8, ALTER name TYPE varchar(20)");
  update();
  EXPECT_THAT(read_lines(2),
              ElementsAre("schema users id:bigint name:character varying(20)", "update id=1 name=a old=o"));
}

TEST_F(PostgresDriftTest, OtherTypesStopTheTable) {
  alter("ALTER old TYPE int USING 5");
  update();
  EXPECT_THAT(read_lines(1), ElementsAre("end users: type_changed: old"));
}

TEST_F(PostgresDriftTest, ANewValueOfAnEnumIsNoChange) {
  const std::string type = schema_ + ".mood";
  witness_->run("CREATE TYPE " + type + " AS ENUM ('sad')");
  alter("ADD COLUMN mood " + type + " DEFAULT 'sad'");
  update();
  EXPECT_THAT(read_lines(2), SizeIs(2));
  witness_->run("ALTER TYPE " + type + " ADD VALUE 'happy'");
  witness_->run("UPDATE " + table("users") + " SET mood = 'happy'");
  EXPECT_THAT(read_lines(1), ElementsAre("update id=1 name=a old=o mood=happy"));
}

TEST_F(PostgresDriftTest, AnotherKeyStopsTheTable) {
  alter("ALTER name SET NOT NULL, DROP CONSTRAINT users_pkey, ADD PRIMARY KEY (name)");
  update();
  EXPECT_THAT(read_lines(1), ElementsAre("end users: pk_changed"));
}

TEST_F(PostgresDriftTest, AnotherKeyUnderAWholeOldRowStopsTheTable) {
  alter("REPLICA IDENTITY FULL");
  update();
  EXPECT_THAT(read_lines(1), ElementsAre("update id=1 name=a old=o"));
  alter("ALTER name SET NOT NULL, DROP CONSTRAINT users_pkey, ADD PRIMARY KEY (name)");
  update();
  EXPECT_THAT(read_lines(1), ElementsAre("end users: pk_changed"));
}

TEST_F(PostgresDriftTest, IdentityNothingStopsTheTable) {
  alter("REPLICA IDENTITY NOTHING");
  witness_->run("INSERT INTO " + table("users") + " VALUES (2)");
  EXPECT_THAT(read_lines(1), ElementsAre("end users: replica_identity_nothing"));
}

TEST_F(PostgresDriftTest, ARenamedTableStops) {
  alter("RENAME TO people");
  witness_->run("INSERT INTO " + table("people") + " VALUES (2)");
  EXPECT_THAT(read_lines(1), ElementsAre("end users: table_renamed"));
}

TEST_F(PostgresDriftTest, AColumnThatTheSourceFilledRowByRowStopsTheTable) {
  alter("ADD COLUMN token float8 DEFAULT random()");
  update();
  EXPECT_THAT(read_lines(1), ElementsAre("end users: column_default_volatile: token"));
}

TEST_F(PostgresDriftTest, ATableOfTheSameNameIsAnother) {
  witness_->run("DROP TABLE " + table("users") + "; CREATE TABLE " + table("users") + " (id int4 PRIMARY KEY)");
  ASSERT_TRUE(changes_->publish({{schema_, "users"}}));
  witness_->run("INSERT INTO " + table("users") + " VALUES (2)");
  EXPECT_THAT(read_lines(1), ElementsAre("end users: table_dropped"));
}

TEST_F(PostgresDriftTest, TheOthersGoOn) {
  witness_->run("CREATE TABLE " + table("notes") + " (id int PRIMARY KEY)");
  ASSERT_TRUE(changes_->publish({{schema_, "users"}, {schema_, "notes"}}));
  alter("REPLICA IDENTITY NOTHING");
  witness_->run("INSERT INTO " + table("users") + " VALUES (2); INSERT INTO " + table("notes") + " VALUES (1)");
  witness_->run("INSERT INTO " + table("users") + " VALUES (3); INSERT INTO " + table("notes") + " VALUES (2)");
  EXPECT_THAT(read_lines(3), ElementsAre("end users: replica_identity_nothing", "insert id=1", "insert id=2"));
}

TEST_F(PostgresDriftTest, ChangesWhileNobodyListensAreSeenInTheirOrder) {
  stream_.reset();
  update();
  alter("RENAME name TO first_name");
  alter("ADD COLUMN age int DEFAULT 18");
  update();
  alter("RENAME first_name TO full_name");
  alter("DROP COLUMN old");
  update();
  reopen();
  EXPECT_THAT(read_lines(5), ElementsAre("update id=1 name=a old=o", "schema users +age:integer=18 name->first_name",
                                         "update id=1 first_name=a old=o age=18",
                                         "schema users first_name->full_name -old", "update id=1 full_name=a age=18"));
}

TEST_F(PostgresDriftTest, AChangeInTheSameTransactionIsVisibleInTime) {
  for (int i = 0; i < 5; i++) {
    const std::string column = "c" + std::to_string(i);
    witness_->run("BEGIN; ALTER TABLE " + table("users") + " ADD COLUMN " + column + " int DEFAULT " +
                  std::to_string(i) + "; UPDATE " + table("users") + " SET id = id; COMMIT");
    EXPECT_THAT(read_lines(2), ElementsAre("schema users +" + column + ":integer=" + std::to_string(i),
                                           HasSubstr(column + "=" + std::to_string(i))));
  }
}

TEST_F(PostgresDriftTest, ACopyWithoutAMemoKnowsColumnsByName) {
  stream_.reset();
  auto known = std::make_shared<connector::ChangeTable>(*tables_[0]);
  known->memo.clear();
  tables_ = {known};
  alter("RENAME name TO full_name");
  alter("ADD COLUMN age int DEFAULT 18");
  update();
  reopen();
  EXPECT_THAT(read_lines(2),
              ElementsAre("schema users +age:integer=18 name->full_name", "update id=1 full_name=a old=o age=18"));
}

TEST_F(PostgresDriftTest, GeneratedColumnsAreNotPartOfTheCopy) {
  witness_->run("CREATE TABLE " + table("sums") +
                " (a int PRIMARY KEY, b int GENERATED ALWAYS AS (a + 1) STORED, c int)");
  ASSERT_TRUE(changes_->forget());
  follow({"sums"});
  witness_->run("INSERT INTO " + table("sums") + " (a, c) VALUES (1, 2)");
  EXPECT_THAT(read_lines(1), ElementsAre("insert a=1 c=2"));
}

}  // namespace
}  // namespace weir::postgres
