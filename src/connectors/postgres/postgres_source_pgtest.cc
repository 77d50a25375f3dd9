/// The connector as the engine uses it, against a live server.
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "connectors/postgres/source_fixture.h"

namespace weir::postgres {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

using PostgresSourceTest = SourceTest;

/// Splits whatever has more than a megabyte.
const nlohmann::json kSplitEarly = {{"split_read_mb", 1}, {"pool_size", 6}};
constexpr connector::ReadOptions kFourStreams{.streams_max = 4, .queue_bytes_max = 1u << 20};

TEST_F(PostgresSourceTest, ReadsASmallTableWithOnePlainStatement) {
  make_table("users", 1000);
  const auto source = open();
  const auto stream = read(*source, scan_of(*source, "users"));
  const auto drained = drain(*stream);
  ASSERT_TRUE(drained) << drained.error().to_string();
  EXPECT_EQ(drained->rows, 1000);
  EXPECT_EQ(drained->sum, 1000 * 1001 / 2);
  const auto stats = stream->stats();
  EXPECT_EQ(stats.rows, 1000u);
  EXPECT_EQ(stats.bytes, 1000u * (8 + 100));
  EXPECT_EQ(stats.streams, 1);
  EXPECT_TRUE(stats.remote_query.starts_with("SELECT ")) << stats.remote_query;
}

TEST_F(PostgresSourceTest, ReadsALargeTableWithCopy) {
  make_table("events", 50'000);
  const auto source = open();
  const auto stream = read(*source, scan_of(*source, "events"));
  const auto drained = drain(*stream);
  ASSERT_TRUE(drained) << drained.error().to_string();
  EXPECT_EQ(drained->rows, 50'000);
  EXPECT_EQ(drained->sum, int64_t{50'000} * 50'001 / 2);
  EXPECT_TRUE(stream->stats().remote_query.starts_with("COPY ")) << stream->stats().remote_query;
  EXPECT_GT(stream->stats().bytes, 50'000u * 108);
}

TEST_F(PostgresSourceTest, ASplitReadGivesWhatOneStreamGives) {
  make_table("events", 200'000);
  const auto source = open(kSplitEarly);
  const auto stream = read(*source, scan_of(*source, "events"), kFourStreams);
  EXPECT_EQ(stream->parallelism(), 4);
  const auto drained = drain(*stream);
  ASSERT_TRUE(drained) << drained.error().to_string();
  EXPECT_EQ(drained->rows, 200'000);
  EXPECT_EQ(drained->sum, int64_t{200'000} * 200'001 / 2);
  EXPECT_GT(stream->stats().streams, 1);
  EXPECT_NE(stream->stats().remote_query.find("ctid"), std::string::npos);
}

TEST_F(PostgresSourceTest, ASplitReadTakesPartitionsAndInheritanceChildrenOnce) {
  witness_->run("CREATE TABLE " + schema_ + ".p (id int8, filler text) PARTITION BY HASH (id)");
  for (const char* i : {"0", "1", "2"}) {
    witness_->run("CREATE TABLE " + schema_ + ".p" + i + " PARTITION OF " + schema_ +
                  ".p FOR VALUES WITH (MODULUS 3, REMAINDER " + i + ")");
  }
  witness_->run("CREATE TABLE " + schema_ + ".parent (id int8, filler text); CREATE TABLE " + schema_ +
                ".child () INHERITS (" + schema_ + ".parent)");
  for (const char* table : {"p", "parent", "child"}) {
    witness_->run("INSERT INTO " + schema_ + "." + table +
                  " SELECT i, repeat('x', 100) FROM generate_series(1, 30000) i; ANALYZE " + schema_ + "." + table);
  }
  const auto source = open(kSplitEarly);
  for (const auto& [table, rows] : {std::pair("p", 30'000), std::pair("parent", 60'000)}) {
    const auto stream = read(*source, scan_of(*source, table), kFourStreams);
    const auto drained = drain(*stream);
    ASSERT_TRUE(drained) << drained.error().to_string();
    EXPECT_EQ(drained->rows, rows) << table;
    EXPECT_GT(stream->stats().streams, 1) << table;
  }
}

TEST_F(PostgresSourceTest, ViewsAndIndexReadsAreNotSplit) {
  make_table("events", 50'000);
  const std::string events = schema_ + ".events";
  witness_->run("CREATE VIEW " + schema_ + ".seen AS SELECT * FROM " + events);
  const auto source = open({{"split_read_mb", 1}, {"small_read_rows", 0}});
  const auto whole = read(*source, scan_of(*source, "seen"), kFourStreams);
  EXPECT_EQ(drain(*whole)->rows, 50'000);
  EXPECT_EQ(whole->stats().streams, 1);

  witness_->run("CREATE INDEX ON " + events + " (id)");
  plan::Scan by_key = scan_of(*source, "events");
  by_key.filters.push_back(plan::make(plan::Compare{plan::Comparison::equal, plan::make(plan::ColumnRef{0}),
                                                    plan::make(plan::Constant{by_key.columns[0].type, int64_t{7}})}));
  const auto keyed = read(*source, by_key, kFourStreams);
  EXPECT_EQ(drain(*keyed)->sum, 7);
  EXPECT_EQ(keyed->stats().streams, 1);
}

TEST_F(PostgresSourceTest, PoliciesOfRowSecurityHoldInLargeReads) {
  make_table("events", 50'000);
  const std::string role = "weir_tenant_" + std::to_string(getpid());
  witness_->run("CREATE ROLE " + role + " LOGIN PASSWORD 'tenant'; GRANT USAGE ON SCHEMA " + schema_ + " TO " + role +
                "; GRANT SELECT ON " + schema_ + ".events TO " + role + "; CREATE POLICY own ON " + schema_ +
                ".events USING (id % 2 = 0); ALTER TABLE " + schema_ + ".events ENABLE ROW LEVEL SECURITY");
  {
    const std::string url = test_url();
    const auto source =
        open({{"url", "postgres://" + role + ":tenant" + url.substr(url.find('@'))}, {"split_read_mb", 1}});
    const auto stream = read(*source, scan_of(*source, "events"), kFourStreams);
    const auto drained = drain(*stream);
    ASSERT_TRUE(drained) << drained.error().to_string();
    EXPECT_EQ(drained->rows, 25'000);
    EXPECT_EQ(stream->stats().streams, 1);
  }
  witness_->run("DROP OWNED BY " + role + "; DROP ROLE " + role);
}

TEST_F(PostgresSourceTest, ALimitIsNeverSplit) {
  make_table("events", 100'000);
  const auto source = open(kSplitEarly);
  plan::Scan scan = scan_of(*source, "events");
  scan.limit = 60'000;
  const auto stream = read(*source, scan, kFourStreams);
  EXPECT_EQ(drain(*stream)->rows, 60'000);
  EXPECT_EQ(stream->stats().streams, 1);
}

TEST_F(PostgresSourceTest, CountsRowsWithoutColumns) {
  make_table("events", 20'000);
  const auto source = open();
  for (const uint64_t estimated : {1u, 20'000u}) {
    plan::Scan scan = scan_of(*source, "events");
    scan.projection.clear();
    scan.estimated_rows = estimated;
    EXPECT_EQ(drain(*read(*source, scan))->rows, 20'000) << estimated;
  }
}

TEST_F(PostgresSourceTest, ReadsEveryTypeInBothWays) {
  witness_->run("CREATE TYPE " + schema_ + ".mood AS ENUM ('good', 'bad'); CREATE DOMAIN " + schema_ +
                ".price AS numeric(12,2); CREATE DOMAIN " + schema_ + ".tags AS text[]; CREATE TYPE " + schema_ +
                ".pair AS (a int4, b text); CREATE TABLE " + schema_ +
                ".t (i8 int8, b bool, i2 int2, i4 int4, f4 float4, f8 float8, n numeric, p numeric(10,2), t text, "
                "v varchar(9), c char(3), q \"char\", nm name, by bytea, d date, ti time, tz timetz, ts timestamp, "
                "tsz timestamptz, iv interval, u uuid, j json, jb jsonb, m " +
                schema_ + ".mood, pr " + schema_ + ".price, tg " + schema_ + ".tags, pa " + schema_ +
                ".pair, ia int4[], ta text[], ma " + schema_ +
                ".mood[], r int4range, mr int4multirange, ip inet, mo money, bi bit(3), vb varbit, x xml, o oid, "
                "rc regclass, po point, ls pg_lsn)");
  witness_->run("INSERT INTO " + schema_ +
                ".t (i8, t, m, pr, tg, pa, ia, ma, r, ip, mo, bi, o, rc) VALUES (5, 'x', "
                "'bad', 1.5, '{a,b}', '(1,x)', '{1,2}', '{good}', '[1,3)', '10.0.0.1', 1.5, B'101', 7, 'pg_class'), "
                "(NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)");
  const auto source = open();
  for (const uint64_t estimated : {1u, 1'000'000u}) {
    plan::Scan scan = scan_of(*source, "t");
    scan.estimated_rows = estimated;
    const auto drained = drain(*read(*source, scan));
    ASSERT_TRUE(drained) << drained.error().to_string();
    EXPECT_EQ(drained->rows, 2);
    EXPECT_EQ(drained->sum, 5);
  }
}

TEST_F(PostgresSourceTest, AnEmptyTableEndsAtOnce) {
  make_table("nothing", 0);
  const auto source = open();
  plan::Scan scan = scan_of(*source, "nothing");
  for (const uint64_t estimated : {1u, 1'000'000u}) {
    scan.estimated_rows = estimated;
    const auto drained = drain(*read(*source, scan));
    ASSERT_TRUE(drained) << drained.error().to_string();
    EXPECT_EQ(drained->rows, 0);
  }
}

TEST_F(PostgresSourceTest, AllReadsOfAQuerySeeOneSnapshotUnderWrites) {
  make_table("debit", 40'000);
  make_table("credit", 40'000);
  const auto source = open(kSplitEarly);
  const plan::Scan debit = scan_of(*source, "debit"), credit = scan_of(*source, "credit");
  // Moves rows in one transaction each: the sum over both tables is the same at every moment.
  const std::jthread writer([&](const std::stop_token& stop) {
    Witness session;
    while (!stop.stop_requested()) {
      session.run("WITH moved AS (DELETE FROM " + schema_ + ".debit WHERE ctid IN (SELECT ctid FROM " + schema_ +
                  ".debit LIMIT 50) RETURNING *) INSERT INTO " + schema_ + ".credit SELECT * FROM moved");
    }
  });
  for (int i = 0; i < 5; i++) {
    const auto transaction = source->begin(2);
    const auto first = (*transaction)->read(debit, kFourStreams);
    const auto second = (*transaction)->read(credit, kFourStreams);
    const auto left = drain(**first), right = drain(**second);
    ASSERT_TRUE(left) << left.error().to_string();
    ASSERT_TRUE(right) << right.error().to_string();
    EXPECT_EQ(left->rows + right->rows, 80'000);
    EXPECT_EQ(left->sum + right->sum, int64_t{40'000} * 40'001);
  }
}

TEST_F(PostgresSourceTest, ASplitReadSeesOneSnapshotUnderWrites) {
  make_table("accounts", 60'000);
  const auto source = open(kSplitEarly);
  const plan::Scan scan = scan_of(*source, "accounts");
  // Every update moves rows to the end of the table, where other ranges would see them twice.
  const std::jthread writer([&](const std::stop_token& stop) {
    Witness session;
    while (!stop.stop_requested()) session.run("UPDATE " + schema_ + ".accounts SET filler = filler WHERE id % 97 = 5");
  });
  for (int i = 0; i < 5; i++) {
    const auto stream = read(*source, scan, kFourStreams);
    const auto drained = drain(*stream);
    ASSERT_TRUE(drained) << drained.error().to_string();
    EXPECT_EQ(drained->rows, 60'000);
    EXPECT_EQ(drained->sum, int64_t{60'000} * 60'001 / 2);
    EXPECT_GT(stream->stats().streams, 1);
  }
}

TEST_F(PostgresSourceTest, ManyReadsTakeTurnsOnOneConnection) {
  make_table("users", 20'000);
  const auto source = open({{"pool_size", 1}});
  const plan::Scan scan = scan_of(*source, "users");
  const auto transaction = source->begin(3);
  std::vector<std::unique_ptr<connector::BatchStream>> streams;
  for (int i = 0; i < 3; i++) streams.push_back(std::move(*(*transaction)->read(scan, {})));
  std::vector<std::future<Result<Drained>>> drained;
  for (auto& stream : streams) drained.push_back(std::async(std::launch::async, [&] { return drain(*stream); }));
  for (auto& one : drained) EXPECT_EQ(one.get()->rows, 20'000);
}

TEST_F(PostgresSourceTest, AReadThatIsCutShortLeavesTheSnapshotToTheOthers) {
  make_table("events", 300'000);
  const auto source = open({{"pool_size", 1}});
  const plan::Scan scan = scan_of(*source, "events");
  const auto transaction = source->begin(2);
  {
    const auto first = std::move(*(*transaction)->read(scan, kFourStreams));
    ASSERT_EQ(next(*first)->state, connector::BatchStream::State::batch);
  }
  witness_->run("DELETE FROM " + schema_ + ".events");
  const auto second = std::move(*(*transaction)->read(scan, kFourStreams));
  const auto drained = drain(*second);
  ASSERT_TRUE(drained) << drained.error().to_string();
  EXPECT_EQ(drained->rows, 300'000);
}

TEST_F(PostgresSourceTest, CancelEndsTheStatementOnTheServer) {
  witness_->run("CREATE VIEW " + schema_ + ".slow AS SELECT 1::int8 AS id FROM pg_sleep(60)");
  for (const uint64_t estimated : {1u, 1'000'000u}) {
    const auto source = open({{"pool_size", 1}});
    plan::Scan scan = scan_of(*source, "slow");
    scan.estimated_rows = estimated;
    const auto stream = read(*source, scan);
    ASSERT_TRUE(eventually([&] { return running_statements() == 1; }, milliseconds(5000)));
    const auto asked = steady_clock::now();
    stream->cancel();
    EXPECT_LT(steady_clock::now() - asked, milliseconds(50));
    EXPECT_EQ(stream->poll(nullptr).error().code, ErrorCode::cancelled);
    EXPECT_TRUE(eventually([&] { return running_statements() == 0; }, milliseconds(1000)));
  }
}

TEST_F(PostgresSourceTest, ACancelThatOvertakesItsStatementStillEndsIt) {
  witness_->run("CREATE VIEW " + schema_ + ".slow AS SELECT 1::int8 AS id FROM pg_sleep(60)");
  const auto source = open({{"pool_size", 1}});
  plan::Scan scan = scan_of(*source, "slow");
  scan.estimated_rows = 1;
  for (int i = 0; i < 50; i++) {
    read(*source, scan)->cancel();
    ASSERT_TRUE(
        eventually([&] { return source->pool().in_use == 0 && running_statements() == 0; }, milliseconds(1000)));
  }
  EXPECT_EQ(source->pool().opened_total, 1u);
}

TEST_F(PostgresSourceTest, ACancelledConnectionIsUsedAgain) {
  make_table("events", 300'000);
  const auto source = open({{"pool_size", 1}});
  const plan::Scan scan = scan_of(*source, "events");
  for (int i = 0; i < 3; i++) {
    const auto stream = read(*source, scan);
    ASSERT_EQ(next(*stream)->state, connector::BatchStream::State::batch);
  }
  EXPECT_EQ(drain(*read(*source, scan))->rows, 300'000);
  EXPECT_EQ(source->pool().opened_total, 1u);
}

TEST_F(PostgresSourceTest, ASlowConsumerKeepsMemoryFlat) {
  make_table("events", 400'000, 500);
  const auto source = open();
  const auto resident_kb = [] {
    long pages = 0, resident = 0;
    FILE* file = fopen("/proc/self/statm", "r");
    if (file != nullptr && fscanf(file, "%ld %ld", &pages, &resident) != 2) resident = 0;
    if (file != nullptr) fclose(file);
    return resident * (sysconf(_SC_PAGESIZE) / 1024);
  };
  const auto before = resident_kb();
  const auto stream = read(*source, scan_of(*source, "events"), {.streams_max = 1, .queue_bytes_max = 4u << 20});
  auto first = next(*stream);
  ASSERT_EQ(first->state, connector::BatchStream::State::batch);
  // The source waits for us once the queue and the sockets' buffers are full.
  ASSERT_TRUE(eventually(
      [&] {
        return witness_->number(
                   "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'weir' AND "
                   "wait_event = 'ClientWrite' AND query LIKE '%" +
                   schema_ + "%'") == 1;
      },
      milliseconds(10'000)));
  EXPECT_LT(resident_kb() - before, 40 << 10);
  EXPECT_EQ(first->batch.rows + drain(*stream)->rows, 400'000);
}

TEST_F(PostgresSourceTest, ATableThatIsGoneIsDriftAndDropsTheCachedSchema) {
  for (const uint64_t estimated : {1u, 1'000'000u}) {
    make_table("events", 10);
    const auto source = open();
    plan::Scan scan = scan_of(*source, "events");
    scan.estimated_rows = estimated;
    witness_->run("DROP TABLE " + schema_ + ".events");
    const auto drained = drain(*read(*source, scan));
    ASSERT_FALSE(drained);
    EXPECT_EQ(drained.error().code, ErrorCode::schema_drift);
    EXPECT_EQ(drained.error().source, "pg");
    EXPECT_EQ((*source->schema(false))->tables.size(), 0u);
  }
}

TEST_F(PostgresSourceTest, AColumnOfAnotherTypeIsDrift) {
  for (const uint64_t estimated : {1u, 1'000'000u}) {
    witness_->run("DROP TABLE IF EXISTS " + schema_ + ".t; CREATE TABLE " + schema_ +
                  ".t (id int8, note text); INSERT INTO " + schema_ + ".t VALUES (1, '2')");
    const auto source = open();
    plan::Scan scan = scan_of(*source, "t");
    scan.estimated_rows = estimated;
    witness_->run("ALTER TABLE " + schema_ + ".t ALTER note TYPE int4 USING note::int4");
    const auto drained = drain(*read(*source, scan));
    ASSERT_FALSE(drained) << estimated;
    EXPECT_EQ(drained.error().code, ErrorCode::schema_drift);
  }
}

TEST_F(PostgresSourceTest, AConnectionThatEndsInMidReadIsReported) {
  make_table("events", 400'000);
  const auto source = open();
  const auto stream = read(*source, scan_of(*source, "events"));
  ASSERT_EQ(next(*stream)->state, connector::BatchStream::State::batch);
  witness_->run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'weir'");
  const auto drained = drain(*stream);
  ASSERT_FALSE(drained);
  EXPECT_EQ(drained.error().code, ErrorCode::source_connection_lost);
}

TEST_F(PostgresSourceTest, AStatementTimeoutIsATimeout) {
  witness_->run("CREATE VIEW " + schema_ + ".slow AS SELECT 1::int8 AS id FROM pg_sleep(60)");
  const auto source = open({{"statement_timeout_ms", 50}});
  plan::Scan scan = scan_of(*source, "slow");
  scan.estimated_rows = 1;
  EXPECT_EQ(drain(*read(*source, scan)).error().code, ErrorCode::timeout);
}

TEST_F(PostgresSourceTest, NothingIsWrittenThroughAView) {
  witness_->run("CREATE TABLE " + schema_ + ".log (id int8); CREATE FUNCTION " + schema_ +
                ".note() RETURNS int8 LANGUAGE sql VOLATILE AS 'INSERT INTO " + schema_ +
                ".log VALUES (1) RETURNING id'; CREATE VIEW " + schema_ + ".sly AS SELECT " + schema_ +
                ".note() AS id");
  const auto source = open();
  plan::Scan scan = scan_of(*source, "sly");
  scan.estimated_rows = 1;
  EXPECT_EQ(drain(*read(*source, scan)).error().code, ErrorCode::source_query_failed);
  EXPECT_EQ(witness_->number("SELECT count(*) FROM " + schema_ + ".log"), 0);
}

}  // namespace
}  // namespace weir::postgres
