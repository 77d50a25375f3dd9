/// The publication of a live copy: what it leaves out, and one that somebody else made.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "connectors/postgres/changes_fixture.h"

namespace weir::postgres {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class PostgresPublicationTest : public ChangesTest {
 protected:
  void SetUp() override {
    ChangesTest::SetUp();
    if (witness_ == nullptr) return;
    witness_->run("CREATE TABLE " + table("a") + " (id int8 PRIMARY KEY, name text); CREATE TABLE " + table("b") +
                  " (id int8 PRIMARY KEY)");
  }
  void TearDown() override {
    witness_->run("DROP PUBLICATION IF EXISTS " + name_);
    source_.reset();
    if (!role_.empty()) {
      changes_.reset();
      witness_->run("DROP OWNED BY " + role_ + "; DROP ROLE " + role_);
    }
    ChangesTest::TearDown();
  }

  std::vector<std::string> unpublished() {
    const auto tables = changes_->unpublished(both_);
    EXPECT_TRUE(tables) << tables.error().to_string();
    std::vector<std::string> names;
    for (const auto& one : *tables) names.push_back(one.table);
    return names;
  }

  /// The connector's user owns nothing.
  void be_a_reader() {
    const std::string role = "weir_reader_" + std::to_string(getpid());
    witness_->run("DROP ROLE IF EXISTS " + role + "; CREATE ROLE " + role + " LOGIN REPLICATION PASSWORD 'x'; GRANT " +
                  "USAGE ON SCHEMA " + schema_ + " TO " + role + "; GRANT SELECT ON ALL TABLES IN SCHEMA " + schema_ +
                  " TO " + role);
    role_ = role;
    std::string url = test_url();
    url.replace(url.find("//") + 2, url.find('@') - url.find("//") - 2, role_ + ":x");
    source_ = open({{"url", url}});
    changes_ = source_->changes();
  }

  const std::string name_ = "weir_" + std::to_string(getpid());
  const std::vector<plan::TableName> both_ = {{schema_, "a"}, {schema_, "b"}};
  std::string role_;
};

TEST_F(PostgresPublicationTest, TellsWhichTablesItLeavesOut) {
  EXPECT_THAT(unpublished(), ElementsAre("a", "b"));
  ASSERT_TRUE(changes_->publish(both_));
  EXPECT_THAT(unpublished(), IsEmpty());
  witness_->run("ALTER PUBLICATION " + name_ + " DROP TABLE " + table("a"));
  EXPECT_THAT(unpublished(), ElementsAre("a"));
  ASSERT_TRUE(changes_->publish(both_));
  witness_->run("ALTER PUBLICATION " + name_ + " SET (publish = 'insert')");
  EXPECT_THAT(unpublished(), ElementsAre("a", "b"));
  ASSERT_TRUE(changes_->publish(both_));
  EXPECT_THAT(unpublished(), IsEmpty());
}

TEST_F(PostgresPublicationTest, AFilteredTableIsNotPublished) {
  for (const std::string how : {" WHERE (id > 5)", " (id)"}) {
    witness_->run("CREATE PUBLICATION " + name_ + " FOR TABLE " + table("a") + how + ", " + table("b"));
    EXPECT_THAT(unpublished(), ElementsAre("a")) << how;
    const Status published = changes_->publish(both_);
    ASSERT_TRUE(published) << published.error().to_string();
    EXPECT_THAT(unpublished(), IsEmpty()) << how;
    witness_->run("DROP PUBLICATION " + name_);
  }
}

TEST_F(PostgresPublicationTest, OneThatTheOwnerMadeServesAlsoWhenATableStops) {
  be_a_reader();
  const Status before = changes_->publish(both_);
  ASSERT_FALSE(before);
  witness_->run("CREATE PUBLICATION " + name_ + " FOR TABLE " + table("a") + ", " + table("b"));
  const auto candidates = changes_->examine(both_);
  ASSERT_TRUE(candidates) << candidates.error().to_string();
  EXPECT_TRUE(candidates->at(0).table && candidates->at(1).table);
  for (const auto& tables : {both_, std::vector<plan::TableName>{{schema_, "b"}}}) {
    const Status published = changes_->publish(tables);
    ASSERT_TRUE(published) << published.error().to_string();
  }
  const Status forgotten = changes_->forget();
  ASSERT_TRUE(forgotten) << forgotten.error().to_string();
  EXPECT_EQ(witness_->value("SELECT count(*) FROM pg_publication WHERE pubname = '" + name_ + "'"), "1");
}

TEST_F(PostgresPublicationTest, OneThatTheOwnerMadeIsRefusedByTheNamesOfTheTablesThatItLeavesOut) {
  be_a_reader();
  witness_->run("CREATE PUBLICATION " + name_ + " FOR TABLE " + table("a") + " WHERE (id > 5), " + table("b"));
  const Status published = changes_->publish(both_);
  ASSERT_FALSE(published);
  EXPECT_EQ(published.error().code, ErrorCode::source_permission_denied);
  EXPECT_THAT(published.error().message, HasSubstr(schema_ + ".a,"));
}

TEST_F(PostgresPublicationTest, OneThatIsDroppedWhileTablesChangeIsDataLoss) {
  follow({"a"});
  witness_->run("DROP PUBLICATION " + name_ + "; INSERT INTO " + table("a") + " VALUES (1)");
  Result<std::optional<connector::ChangeGroup>> group = std::nullopt;
  EXPECT_TRUE(eventually([&] { return !(group = stream_->next(milliseconds(100))); }, milliseconds(10'000)));
  EXPECT_EQ(group.error().code, ErrorCode::sync_data_loss) << group.error().to_string();
  EXPECT_THAT(group.error().message, HasSubstr("publication"));
}

}  // namespace
}  // namespace weir::postgres
