#include "engine/remote_test_database.h"

namespace weir::engine {
namespace {

using testing::numbers_table;
using testing::TestDatabase;
using testing::TestSession;
using testing::users_table;
using Texts = std::vector<std::string>;

class RemoteCatalogTest : public ::testing::Test {
 protected:
  RemoteCatalogTest() : source(database.attach("pg")), session(database) {
    source->put(users_table(4));
    source->put(numbers_table(4, 4));
  }
  Error error_of(const std::string& sql) {
    const auto answer = session.run(sql);
    EXPECT_NE(answer.error, "") << sql;
    const auto error = session.query->take_error();
    EXPECT_TRUE(error) << answer.error;
    return error.value_or(Error{});
  }

  TestDatabase database;
  std::shared_ptr<testing::TestSource> source;
  TestSession session;
};

TEST_F(RemoteCatalogTest, ShowsTypesAndNullability) {
  EXPECT_EQ(session.run("SELECT column_name, column_type, \"null\" FROM (DESCRIBE pg.public.users)").rows,
            (Texts{"id|BIGINT|NO", "name|VARCHAR|YES", "age|INTEGER|YES", "total|DECIMAL(12,2)|YES",
                   "active|BOOLEAN|YES", "email|VARCHAR|YES", "born|DATE|YES", "doc|JSON|YES"}));
}

TEST_F(RemoteCatalogTest, AppearsInTheMetadataTables) {
  EXPECT_EQ(
      session
          .run("SELECT table_schema, table_name FROM information_schema.tables WHERE table_catalog = 'pg' ORDER BY 2")
          .rows,
      (Texts{"public|numbers", "public|users"}));
  EXPECT_EQ(session
                .run("SELECT table_name, estimated_size, column_count FROM duckdb_tables() WHERE database_name = 'pg' "
                     "ORDER BY 1")
                .rows,
            (Texts{"numbers|4|1", "users|1000|8"}));
  EXPECT_EQ(session.run("SELECT count(*) FROM duckdb_columns() WHERE database_name = 'pg'").rows, Texts{"9"});
  EXPECT_EQ(session.run("SHOW TABLES FROM pg.public").rows, (Texts{"numbers", "users"}));
  EXPECT_EQ(session.run("SELECT count(*) FROM (SHOW ALL TABLES) WHERE database = 'pg'").rows, Texts{"2"});
}

TEST_F(RemoteCatalogTest, LeavesAnUnreachableSourceOutOfListings) {
  const auto broken = database.attach("broken");
  broken->break_with(Error{ErrorCode::source_unreachable, "connection refused", "", ""});
  EXPECT_EQ(session.run("SELECT count(*) FROM information_schema.tables WHERE table_catalog = 'pg'").rows, Texts{"2"});
  EXPECT_EQ(session.query->warnings(),
            Texts{"connector broken is left out: source_unreachable: broken: connection refused"});
  EXPECT_EQ(session.run("SELECT count(*) FROM pg.public.users").rows, Texts{"4"});
  EXPECT_EQ(error_of("SELECT * FROM broken.public.users").code, ErrorCode::source_unreachable);
}

TEST_F(RemoteCatalogTest, OffersTheNearestName) {
  auto error = error_of("SELECT * FROM pg.public.user");
  EXPECT_EQ(error.code, ErrorCode::table_not_found);
  EXPECT_EQ(error.message, "no table public.user in pg");
  EXPECT_EQ(error.hint, "did you mean 'users'?");
  error = error_of("SELECT * FROM pg.pubic.users");
  EXPECT_EQ(error.code, ErrorCode::schema_not_found);
  EXPECT_EQ(error.hint, "did you mean 'public'?");
}

TEST_F(RemoteCatalogTest, LooksOnceMoreBeforeItSaysThatATableIsMissing) {
  session.run("SELECT 1 FROM pg.public.users");
  source->put([] {
    auto table = numbers_table(4, 4);
    table.info.name.table = "newborn";
    return table;
  }());
  EXPECT_EQ(session.run("SELECT count(*) FROM pg.public.newborn").rows, Texts{"4"});
}

TEST_F(RemoteCatalogTest, FindsNamesRegardlessOfCase) {
  EXPECT_EQ(session.run("SELECT count(*) FROM PG.Public.USERS").rows, Texts{"4"});
}

TEST_F(RemoteCatalogTest, KeepsColumnsThatDifferByCaseApart) {
  auto table = numbers_table(4, 4);
  table.info.name.table = "odd";
  auto other = table.info.columns[0];
  other.name = "N";
  table.info.columns.push_back(other);
  source->put(table);
  EXPECT_EQ(session.run("SELECT column_name FROM (DESCRIBE pg.public.odd)").rows, (Texts{"n", "N_2"}));
}

TEST_F(RemoteCatalogTest, UsesTheDefaultSchema) {
  EXPECT_EQ(session.run("SELECT count(*) FROM pg.users").rows, Texts{"4"});
  ASSERT_EQ(session.run("USE pg").error, "");
  EXPECT_EQ(session.run("SELECT count(*) FROM users").rows, Texts{"4"});
  EXPECT_NE(session.run("SELECT count(*) FROM nothing_here").error.find("does not exist"), std::string::npos);
  EXPECT_EQ(session.run("SELECT count(*) > 0 FROM duckdb_settings()").rows, Texts{"true"});
}

TEST_F(RemoteCatalogTest, RefusesToWrite) {
  for (const std::string sql :
       {"INSERT INTO pg.public.numbers VALUES (1)", "UPDATE pg.public.numbers SET n = 1",
        "DELETE FROM pg.public.numbers", "DROP TABLE pg.public.numbers", "CREATE TABLE pg.public.fresh (a INT)",
        "CREATE TABLE pg.public.fresh AS SELECT 1 AS a", "CREATE SCHEMA pg.fresh", "DROP SCHEMA pg.public",
        "ALTER TABLE pg.public.numbers ADD COLUMN m INT", "CREATE VIEW pg.public.v AS SELECT 1",
        "CREATE INDEX i ON pg.public.numbers (n)", "TRUNCATE pg.public.numbers", "CREATE MACRO pg.public.m(a) AS a"}) {
    const auto answer = session.run(sql);
    EXPECT_NE(answer.error.find("on pg: connectors are read-only here"), std::string::npos)
        << sql << ": " << answer.error;
  }
}

TEST_F(RemoteCatalogTest, IsNotAttachedBySql) {
  EXPECT_NE(session.run("ATTACH '' AS mine (TYPE weir_connector)").error.find("POST /v1/connectors"),
            std::string::npos);
}

TEST_F(RemoteCatalogTest, RefusesANameThatIsTaken) {
  connector::Spec spec;
  spec.name = "pg";
  const auto status = attach_connector(database.instance(), spec, source);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::already_exists);
  spec.name = "system";
  EXPECT_EQ(attach_connector(database.instance(), spec, source).error().code, ErrorCode::already_exists);
  spec.name = "main";
  EXPECT_EQ(attach_connector(database.instance(), spec, source).error().code, ErrorCode::invalid_option);
}

TEST_F(RemoteCatalogTest, DetachesWhileAQueryReads) {
  auto result = session.connection.SendQuery("SELECT n FROM pg.public.numbers");
  detach_connector(database.instance(), "pg");
  EXPECT_EQ(TestSession::read(*result).rows.size(), 4u);
  EXPECT_NE(session.run("SELECT n FROM pg.public.numbers").error, "");
  database.attach("pg")->put(users_table(1));
  EXPECT_EQ(session.run("SELECT count(*) FROM pg.public.users").rows, Texts{"1"});
  detach_connector(database.instance(), "never there");
}

TEST_F(RemoteCatalogTest, BindsPreparedStatementsAnewWhenTheSchemaChanged) {
  auto statement = session.connection.Prepare("SELECT * FROM pg.public.numbers");
  auto table = numbers_table(4, 4);
  auto added = table.info.columns[0];
  added.name = "twice";
  table.info.columns.push_back(added);
  table.script = [](testing::TestStream& stream, const std::stop_token&) { stream.end(); };
  source->put(table);
  session.run("SELECT * FROM pg.public.missing");
  duckdb::vector<duckdb::Value> none;
  EXPECT_EQ(statement->Execute(none, false)->ColumnCount(), 2u);
}

TEST_F(RemoteCatalogTest, LiveIsTheBareReference) {
  EXPECT_EQ(session.run("SELECT count(*) FROM live(pg.public.users)").rows, Texts{"4"});
  EXPECT_EQ(session.run("SELECT max(u.id) FROM live(pg.public.users) AS u WHERE u.id = 3").rows, Texts{"3"});
  EXPECT_EQ(session.query->scans().at(0).filters_pushed, Texts{"id = $1"});
  EXPECT_EQ(session.run("SELECT max(users.id) FROM live(pg.public.users)").rows, Texts{"3"});
  EXPECT_EQ(session.run("SELECT count(*) FROM live('pg.\"public\".users')").rows, Texts{"4"});
}

TEST_F(RemoteCatalogTest, LiveSaysWhatIsWrong) {
  EXPECT_EQ(error_of("SELECT * FROM live(pg.users)").message, "live() does not understand pg.users");
  EXPECT_EQ(error_of("SELECT * FROM live(mysql.public.users)").code, ErrorCode::connector_not_found);
  EXPECT_EQ(error_of("SELECT * FROM live(pg.public.users, 2)").message, "live() takes one table, but was given 2");
  EXPECT_EQ(error_of("SELECT * FROM live()").message, "live() takes one table, but was given 0");
  EXPECT_EQ(error_of("SELECT * FROM live(pg.public.user_table)").code, ErrorCode::table_not_found);
}

}  // namespace
}  // namespace weir::engine
