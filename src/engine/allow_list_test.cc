/// Attempts to do what a role may not.
#include "engine/allow_list.h"

#include "engine/allow_list_fixture.h"

namespace weir::engine {
namespace {

using ::testing::HasSubstr;

using testing::AllowListTest;

TEST_F(AllowListTest, reader_may_read_and_look_around) {
  as(Role::read);
  for (const char* sql : {
           "SELECT * FROM t",
           "SELECT count(*) FROM weir.main.t",
           "FROM t",
           "TABLE t",
           "VALUES (1)",
           "SELECT * FROM shop.public.users",
           "SELECT * FROM live(shop.public.users)",
           "EXPLAIN SELECT * FROM t",
           "EXPLAIN ANALYZE SELECT * FROM t",
           "DESCRIBE t",
           "DESCRIBE SELECT 1",
           "SUMMARIZE t",
           "SHOW TABLES",
           "SHOW ALL TABLES",
           "SHOW SCHEMAS",
           "SHOW DATABASES",
           "PRAGMA table_info('t')",
           "SELECT * FROM information_schema.tables",
           "SELECT * FROM information_schema.columns",
           "SELECT * FROM duckdb_tables()",
           "SELECT * FROM range(3), unnest([1, 2])",
           "SELECT * FROM generate_series(1, (SELECT max(a) FROM t))",
           "SELECT list_transform([1], x -> x + 1)",
           "WITH c AS (SELECT 1 AS a) SELECT * FROM c JOIN t USING (a)",
           "SELECT * FROM crossing",
           "SELECT list_sum([1, 2]), split_part('a-b', '-', 1), pg_size_pretty(10)",
           "SELECT * FROM sales.all_orders",
           "PIVOT t ON b USING sum(a)",
           "UNPIVOT t ON a INTO NAME n VALUE v",
           "FROM t AT (VERSION => 1)",
           "SET weir_pushdown = false",
           "RESET weir_pushdown",
           "SET TimeZone = 'Europe/Berlin'; SELECT now()",
           "USE sales; SELECT * FROM orders",
           "SELECT * FROM weir_snapshots",
           "SELECT * FROM kyma_connector_health",
           "SELECT * FROM weir_connectors",
           "SELECT * FROM weir_queries",
           "SELECT json_extract('{\"a\":1}', '$.a')",
           "SELECT * FROM json_each('[1]')",
           "SELECT version()",
           "SELECT a FROM t ORDER BY random() LIMIT 1",
       }) {
    auto answer = ask(sql);
    EXPECT_TRUE(answer.ok) << sql << ": " << answer.error.to_string();
  }
}

TEST_F(AllowListTest, reader_may_not_write) {
  as(Role::read);
  for (const char* sql : {
           "INSERT INTO t VALUES (1, 'y')",
           "UPDATE t SET a = 2",
           "DELETE FROM t",
           "TRUNCATE t",
           "DROP TABLE t",
           "CREATE TABLE u (a INT)",
           "CREATE TABLE u AS SELECT 1",
           "CREATE VIEW v AS SELECT 1",
           "CREATE SCHEMA s",
           "ALTER TABLE t ADD COLUMN c INT",
           "CREATE OR REPLACE TABLE t AS SELECT 1",
           "EXPLAIN INSERT INTO t VALUES (1, 'y')",
           "EXPLAIN ANALYZE INSERT INTO t VALUES (1, 'y')",
           "EXPLAIN ANALYZE DELETE FROM t",
           "MERGE INTO t USING (SELECT 1 AS a) s USING (a) WHEN MATCHED THEN DELETE",
           "SELECT 1; DELETE FROM t",
           "WITH c AS (SELECT 1) INSERT INTO t SELECT 1, 'z'",
           "COMMENT ON TABLE t IS 'x'",
           "CREATE TEMP TABLE u AS SELECT 1",
           "CREATE TEMPORARY VIEW v AS SELECT 1",
           "DROP VIEW crossing",
       }) {
    expect_refused(sql);
  }
  principal_ = {};
  EXPECT_EQ(rows("SELECT * FROM t"), std::vector<std::string>{"1|x"});
}

TEST_F(AllowListTest, nobody_but_an_admin_sees_the_inside) {
  for (Role role : {Role::read, Role::write}) {
    as(role);
    for (const char* sql : {
             "SELECT * FROM duckdb_settings()",
             "SELECT * FROM duckdb_secrets()",
             "SELECT * FROM duckdb_logs()",
             "FROM duckdb_logs",
             "SELECT * FROM pg_catalog.pg_settings",
             "SELECT * FROM duckdb_extensions()",
             "SELECT * FROM duckdb_memory()",
             "SELECT * FROM duckdb_temporary_files()",
             "SELECT current_setting('threads')",
             "SELECT CURRENT_SETTING('temp_directory')",
             "SELECT \"current_setting\"('threads')",
             "SELECT ('threads').current_setting()",
             "SELECT list_transform(['threads'], x -> current_setting(x))",
             "SELECT (SELECT current_setting('threads'))",
             "WITH c AS (SELECT current_setting('threads')) FROM c",
             "SELECT a FROM t WHERE b = current_setting('threads')",
             "SELECT a FROM t ORDER BY current_setting('threads')",
             "SELECT sum(a) OVER (ORDER BY current_setting('threads')) FROM t",
             "SELECT a FROM t LIMIT current_setting('threads')::INT",
             "SELECT COLUMNS(c -> c = current_setting('x')) FROM t",
             "PRAGMA table_info(current_setting('temp_directory'))",
             "SELECT write_log('x')",
             "SELECT sleep_ms(1)",
             "SELECT pg_sleep(0)",
             "SELECT json_serialize_plan('SELECT 1')",
             "SELECT * FROM __ducklake_metadata_weir.ducklake_snapshot",
             "SELECT * FROM __ducklake_metadata_weir.main.ducklake_data_file",
             "SELECT * FROM ducklake_list_files('weir', 't')",
             "SELECT * FROM ducklake_table_info('weir')",
             "SELECT * FROM pragma_database_size()",
             "SELECT * FROM which_secret('s3://x', 's3')",
             "SELECT * FROM duckdb_variables()",
         }) {
      expect_refused(sql);
    }
  }
  as(Role::admin);
  for (const char* sql : {"SELECT * FROM duckdb_settings()", "SELECT current_setting('threads')",
                          "SELECT count(*) FROM __ducklake_metadata_weir.ducklake_snapshot"}) {
    EXPECT_EQ(ask(sql).code(), "ok") << sql;
  }
}

TEST_F(AllowListTest, nobody_but_an_admin_touches_files) {
  for (Role role : {Role::read, Role::write}) {
    as(role);
    for (const std::string& sql : std::vector<std::string>{
             "SELECT * FROM read_csv(" + quoted("people.csv") + ")",
             "SELECT * FROM read_csv_auto(" + quoted("people.csv") + ")",
             "SELECT * FROM read_text(" + quoted("people.csv") + ")",
             "SELECT * FROM read_blob('/etc/passwd')",
             "SELECT * FROM glob('/etc/*')",
             "SELECT * FROM sniff_csv(" + quoted("people.csv") + ")",
             "SELECT * FROM read_parquet('" + (root_ / "data/extents/**/*.parquet").string() + "')",
             "SELECT * FROM parquet_scan('x.parquet')",
             "SELECT * FROM parquet_metadata('x.parquet')",
             "SELECT * FROM parquet_schema('x')",
             "SELECT * FROM read_json('x.json')",
             "SELECT * FROM read_ndjson('x.json')",
             "SELECT * FROM read_duckdb('x.db')",
             "SELECT * FROM of_file",
             "COPY t TO " + quoted("out.csv"),
             "COPY (SELECT 1) TO " + quoted("out.csv"),
             "COPY t FROM " + quoted("people.csv"),
             "EXPLAIN COPY t TO " + quoted("out.csv"),
             "SELECT (SELECT count(*) FROM read_text('/etc/passwd'))",
             "SELECT * FROM t WHERE b IN (SELECT content FROM read_text('/etc/passwd'))",
             "CREATE TABLE stolen AS SELECT * FROM read_text('/etc/passwd')",
             "CREATE VIEW stolen AS SELECT * FROM read_text('/etc/passwd')",
             "INSERT INTO t SELECT 1, content FROM read_text('/etc/passwd')",
             "EXPLAIN ANALYZE SELECT * FROM read_text('/etc/passwd')",
             "DESCRIBE SELECT * FROM read_csv('/etc/passwd')",
             "SUMMARIZE SELECT * FROM read_csv('/etc/passwd')",
             "EXPORT DATABASE '/tmp/x'",
             "IMPORT DATABASE '/tmp/x'",
         }) {
      expect_refused(sql);
    }
    for (const std::string& name : std::vector<std::string>{file("people.csv").string(), "/etc/passwd",
                                                            "people.parquet", "https://example.com/x.csv"}) {
      EXPECT_FALSE(ask("SELECT * FROM '" + name + "'").ok) << name;
    }
    EXPECT_FALSE(std::filesystem::exists(file("out.csv")));
  }
}

TEST_F(AllowListTest, admin_touches_files_of_the_allowed_directories_only) {
  EXPECT_EQ(rows("SELECT * FROM read_csv(" + quoted("people.csv") + ")").size(), 2u);
  EXPECT_EQ(rows("SELECT * FROM " + quoted("people.csv")).size(), 2u);
  EXPECT_EQ(rows("SELECT * FROM read_csv([" + quoted("people.csv") + ", " + quoted("p*.csv") + "])").size(), 4u);
  EXPECT_EQ(rows("SELECT * FROM of_file").size(), 2u);
  EXPECT_EQ(rows("COPY (SELECT 42 AS a) TO " + quoted("out.parquet")), std::vector<std::string>{"1"});
  EXPECT_EQ(rows("SELECT a FROM " + quoted("out.parquet")), std::vector<std::string>{"42"});
  rows("CREATE TABLE people (id INT, name VARCHAR); COPY people FROM " + quoted("people.csv"));
  EXPECT_EQ(rows("SELECT count(*) FROM people"), std::vector<std::string>{"2"});
  std::filesystem::create_symlink("/etc", file("link"));
  for (const std::string& sql : std::vector<std::string>{
           "SELECT * FROM read_text('/etc/passwd')",
           "SELECT * FROM '/etc/passwd.csv'",
           "SELECT * FROM glob('/etc/*')",
           "SELECT * FROM read_text(" + quoted("../data/version") + ")",
           "SELECT * FROM read_text(" + quoted("link/passwd") + ")",
           "SELECT * FROM read_text(" + quoted("*/../../data/version") + ")",
           "SELECT * FROM read_parquet('" + (root_ / "data/extents/**/*.parquet").string() + "')",
           "SELECT * FROM read_csv([" + quoted("people.csv") + ", '/etc/passwd'])",
           "COPY t TO '" + (root_ / "data/extents/x.parquet").string() + "'",
           "COPY t TO '/tmp/weir-never.csv'",
           "COPY t FROM '/etc/passwd'",
           "SELECT * FROM read_text('https://example.com/x')",
           "SELECT * FROM read_text('file:///etc/passwd')",
           "SELECT * FROM read_text('s3://bucket/x')",
           "SELECT * FROM read_text('/proc/self/environ')",
       }) {
    EXPECT_EQ(ask(sql).code(), "statement_not_allowed") << sql << ": " << ask(sql).error.to_string();
  }
}

constexpr const char* kChangeTheEngine[] = {
    "ATTACH ':memory:' AS other",
    "ATTACH 'x.db'",
    "DETACH weir",
    "INSTALL httpfs",
    "LOAD httpfs",
    "BEGIN",
    "COMMIT",
    "ROLLBACK",
    "PREPARE p AS SELECT 1",
    "EXECUTE p",
    "DEALLOCATE p",
    "CALL pragma_version()",
    "CHECKPOINT",
    "CALL ducklake_expire_snapshots('weir')",
    "SELECT * FROM ducklake_expire_snapshots('weir')",
    "FROM weir.set_option('parquet_compression', 'snappy')",
    "SELECT * FROM checkpoint()",
    "SELECT * FROM force_checkpoint()",
    "VACUUM",
    "ANALYZE t",
    "SET threads = 1",
    "SET GLOBAL weir_pushdown = false",
    "SET memory_limit = '1GB'",
    "SET enable_external_access = true",
    "SET disabled_optimizers = 'extension'",
    "SET VARIABLE x = 1",
    "RESET GLOBAL threads",
    "PRAGMA threads=1",
    "PRAGMA disable_optimizer",
    "PRAGMA enable_verification",
    "PRAGMA enable_profiling",
    "PRAGMA database_size",
    "CREATE SECRET (TYPE s3)",
    "CREATE MACRO f(x) AS x + 1",
    "CREATE TEMP MACRO f(x) AS TABLE SELECT 1",
    "CREATE SEQUENCE s",
    "CREATE TYPE e AS ENUM ('a')",
    "CREATE INDEX i ON t (a)",
    "CREATE TABLE memory.main.x (a INT)",
    "CREATE TABLE temp.main.x (a INT)",
    "CREATE TABLE system.main.x (a INT)",
    "CREATE VIEW memory.main.v AS SELECT 1",
    "DROP VIEW system.main.weir_queries",
    "CREATE SCHEMA memory.s",
    "INSERT INTO shop.public.users (id) VALUES (1)",
    "DROP TABLE shop.public.users",
    "CREATE TABLE shop.public.x (a INT)",
    "DROP SCHEMA shop.public",
    "CREATE TABLE __ducklake_metadata_weir.main.x (a INT)",
    "DELETE FROM __ducklake_metadata_weir.ducklake_snapshot",
    "SELECT * FROM query('SELECT 1')",
    "SELECT * FROM query_table('t')",
    "SELECT * FROM json_execute_serialized_sql(json_serialize_sql('SELECT 1'))",
    "SELECT * FROM enable_logging()",
    "SELECT * FROM sql_auto_complete('SEL')",
    "COPY FROM DATABASE weir TO memory",
    "UPDATE EXTENSIONS",
    "SELECT * FROM seq_scan('t')",
    "SELECT * FROM ducklake_scan('t')",
    "SELECT * FROM arrow_scan(1,2,3)",
};

TEST_F(AllowListTest, nobody_runs_what_would_change_the_engine) {
  for (Role role : {Role::read, Role::write, Role::admin}) {
    as(role);
    for (const char* sql : kChangeTheEngine) {
      EXPECT_FALSE(ask(sql).ok) << to_string(role) << ": " << sql;
    }
  }
  as(Role::admin);
  EXPECT_EQ(rows("SELECT current_setting('threads')::INT"), std::vector<std::string>{"2"});
  EXPECT_EQ(ask("SELECT * FROM query('SELECT 1')").code(), "statement_not_allowed");
  EXPECT_EQ(ask("BEGIN").code(), "not_available_yet");
  EXPECT_EQ(ask("SELECT * FROM force_checkpoint()").code(), "statement_not_allowed");
}

TEST_F(AllowListTest, writer_changes_the_lake) {
  as(Role::write);
  for (const char* sql : {
           "CREATE SCHEMA s",
           "CREATE TABLE s.u (a INT DEFAULT 3, b VARCHAR)",
           "INSERT INTO s.u VALUES (1, 'x'), (2, 'y')",
           "UPDATE s.u SET a = a + 1 WHERE b = 'x'",
           "DELETE FROM s.u WHERE b = 'y'",
           "MERGE INTO s.u USING (SELECT 2 AS a) AS new USING (a) WHEN MATCHED THEN UPDATE SET b = 'z'",
           "ALTER TABLE s.u ADD COLUMN c INTEGER",
           "ALTER TABLE s.u RENAME TO w",
           "CREATE VIEW s.v AS SELECT * FROM s.w",
           "SELECT * FROM s.v",
           "DROP VIEW s.v",
           "DROP TABLE s.w",
           "DROP SCHEMA s",
       }) {
    auto answer = ask(sql);
    EXPECT_TRUE(answer.ok) << sql << ": " << answer.error.to_string();
  }
  for (const char* sql : {"CREATE TABLE leak (a VARCHAR DEFAULT current_setting('temp_directory'))",
                          "ALTER TABLE t ADD COLUMN c VARCHAR DEFAULT current_setting('temp_directory')",
                          "ALTER TABLE t ALTER COLUMN b TYPE VARCHAR USING current_setting('temp_directory')",
                          "CREATE VIEW leak AS SELECT current_setting('temp_directory')",
                          "UPDATE t SET b = current_setting('temp_directory')",
                          "INSERT INTO t VALUES (1, current_setting('temp_directory')) RETURNING b"}) {
    expect_refused(sql);
  }
}

TEST_F(AllowListTest, says_which_role_may) {
  as(Role::read);
  auto error = error_of("INSERT INTO t VALUES (1, 'y')");
  EXPECT_EQ(error.message, "role 'read' may not run INSERT");
  EXPECT_EQ(error.hint, "Use a token with role 'write'.");
  EXPECT_THAT(error_of("SELECT * FROM read_csv('x')").message,
              HasSubstr("reading files is not allowed for role 'read'"));
  EXPECT_THAT(error_of("ATTACH 'x'").hint, HasSubstr("POST /v1/connectors"));
}

TEST_F(AllowListTest, says_where_files_may_lie) {
  for (const char* sql : {"SELECT * FROM 'elsewhere.csv'", "SELECT * FROM read_csv('elsewhere.csv')"}) {
    EXPECT_THAT(error_of(sql).message, HasSubstr("the file is outside every --allow-dir: elsewhere.csv"));
  }
}

TEST_F(AllowListTest, a_query_keeps_its_settings_to_itself) {
  rows("SET weir_pushdown = false; SELECT 1");
  EXPECT_EQ(rows("SELECT current_setting('weir_pushdown')"), std::vector<std::string>{"on"});
  EXPECT_EQ(rows("SET TimeZone = 'Asia/Tokyo'; SELECT current_setting('TimeZone')"),
            std::vector<std::string>{"Asia/Tokyo"});
  EXPECT_EQ(rows("SELECT current_setting('TimeZone')"), std::vector<std::string>{"UTC"});
}

}  // namespace
}  // namespace weir::engine
