#include <atomic>
#include <fstream>
#include <random>
#include <thread>

#include "sync/hot_gate.h"
#include "sync/landing_fixture.h"

namespace weir::sync {
namespace {

using plan::Kind;
using testing::changes_of;
using testing::column;
using testing::Event;
using ::testing::HasSubstr;
using testing::LandingTest;
using testing::position_of;
using testing::table_of;

constexpr int kAccounts = 400;

/// Accounts whose balances add up to the same sum after every commit.
class LandingFoldsTest : public LandingTest {
 protected:
  explicit LandingFoldsTest(LandingKind kind = LandingKind::hot) : LandingTest(kind) {}
  static connector::ChangeTablePtr accounts(const std::string& name = "accounts") {
    return table_of(name, {column("id", Kind::int64), column("balance", Kind::int64)}, {"id"});
  }
  void make(const connector::ChangeTablePtr& table, const std::string& connector = "pg") {
    auto& to = landing(connector);
    ok(to.prepare(table));
    ok(to.snapshot_begins(table->name, position_of(1), {}));
    ASSERT_TRUE(to.load(table->name,
                        "(SELECT i AS id, 100::BIGINT AS balance FROM range(" + std::to_string(kAccounts) + ") t(i))",
                        {}));
    ok(to.complete(table->name));
  }
  /// Money moves between pairs; now and then an account moves to another key, or goes and comes again.
  std::vector<Event> transfer(std::map<int, int>& balances, std::mt19937& dice, uint64_t commit) {
    std::map<int, Event> last;
    for (int i = 0; i < 20; ++i) {
      const auto from = std::next(balances.begin(), static_cast<long>(dice() % balances.size()));
      const auto to = std::next(balances.begin(), static_cast<long>(dice() % balances.size()));
      if (from == to) continue;
      const int amount = static_cast<int>(dice() % 50);
      from->second -= amount;
      to->second += amount;
      for (const auto& account : {from, to})
        last[account->first] = {"update",
                                {{"id", std::to_string(account->first)}, {"balance", std::to_string(account->second)}}};
    }
    const auto mover = std::next(balances.begin(), static_cast<long>(dice() % balances.size()));
    const int id = mover->first, balance = mover->second, other = static_cast<int>(10'000 + commit);
    balances.erase(mover);
    balances[other] = balance;
    std::vector<Event> events;
    for (auto& [key, event] : last) events.push_back(std::move(event));
    events.push_back({"delete", {{"id", std::to_string(id)}}});
    events.push_back({"update",
                      {{"id", std::to_string(other)}, {"balance", std::to_string(balance)}},
                      {},
                      std::map<std::string, std::string>{{"id", std::to_string(id)}}});
    return events;
  }
  std::string sum_of(const connector::ChangeTablePtr& table, const std::string& connector = "pg") {
    const auto seen = landed(table->name.table, connector);
    const CopyContents contents{.hot = seen.hot_rows > 0, .tombstones = seen.tombstones};
    return "SELECT sum(balance), count(*) FROM (" + copy_view_sql(connector, *table, CopyView::current, contents) + ")";
  }
  /// One read, its two snapshots of one state, as lake/hot.h says.
  std::string read(lake::SqlSession& session, const connector::ChangeTablePtr& table,
                   const std::string& connector = "pg") {
    for (;;) {
      EXPECT_TRUE(engine_->committer.epoch().settles(std::chrono::seconds(60)));
      const auto seen = engine_->committer.epoch().now();
      const auto sum = sum_of(table, connector);
      EXPECT_TRUE(session.run("BEGIN"));
      // The lake first, and slowly: a fold in between would hide its rows.
      EXPECT_TRUE(
          session.rows("SELECT sum(hash(id, range)) FROM " + lake_table(connector, table->name) + ", range(3000)"));
      if (is_hot()) {
        EXPECT_TRUE(session.rows("SELECT 1 FROM " + hot_table(connector, table->name) + " LIMIT 1"));
      }
      if (!engine_->committer.epoch().still(seen)) {
        EXPECT_TRUE(session.run("COMMIT"));
        continue;
      }
      const auto row = session.rows(sum);
      EXPECT_TRUE(session.run("COMMIT"));
      if (!row) return row.error().to_string();
      return (*row)[0][0] + "|" + (*row)[0][1];
    }
  }
};

class LandingsFoldsTest : public LandingFoldsTest, public ::testing::WithParamInterface<LandingKind> {
 protected:
  LandingsFoldsTest() : LandingFoldsTest(GetParam()) {}
};

TEST_F(LandingFoldsTest, OneTableThatIsDueTakesTheOthersWithIt) {
  options_.fold_rows = 3;
  landings_.clear();
  const auto busy = accounts("busy"), calm = accounts("calm");
  make(busy);
  make(calm);
  fold();
  const auto update = [](int id) { return Event{"update", {{"id", std::to_string(id)}, {"balance", "1"}}}; };
  commit(2, changes_of(busy, 2, {update(1)}), changes_of(calm, 2, {update(1)}));
  EXPECT_EQ(landing().fold(false, {}).value(), 0u) << "none is due";
  commit(3, changes_of(busy, 3, {update(2), update(3)}));
  const auto snapshots = "SELECT count(*) FROM ducklake_snapshots('weir')";
  const auto before = std::stoi(rows(snapshots)[0]);
  EXPECT_EQ(landing().fold(false, {}).value(), 4u);
  EXPECT_EQ(std::stoi(rows(snapshots)[0]), before + 1) << "one snapshot of the lake for both";
  EXPECT_EQ(landed("busy").hot_rows + landed("calm").hot_rows, 0u);
}

/// Somebody has removed the extents of one table.
TEST_F(LandingFoldsTest, OneTableThatCannotBeFoldedIsLeftOut) {
  const auto lost = accounts("lost"), whole = accounts("whole");
  make(lost);
  make(whole);
  fold();
  for (const auto& path : rows("SELECT data_file FROM ducklake_list_files('weir', 'lost', schema => 'pg.public')")) {
    ASSERT_TRUE(std::filesystem::remove(path));
  }
  const auto update = [](int id) { return Event{"update", {{"id", std::to_string(id)}, {"balance", "1"}}}; };
  commit(2, changes_of(lost, 2, {update(1)}), changes_of(whole, 2, {update(1)}));
  for (int i = 0; i < 3; ++i) {
    EXPECT_FALSE(landed("lost").failure);
    EXPECT_FALSE(landing().fold(true, {}));
  }
  EXPECT_THAT(landed("lost").failure->message, HasSubstr("lost"));
  EXPECT_EQ(fold(), 1u);
  EXPECT_EQ(landed("whole").hot_rows, 0u);
  EXPECT_EQ(landed("lost").hot_rows, 1u);
  EXPECT_EQ(rows(sum_of(whole))[0], "39901|400");
  ok(landing().prepare(lost));
  EXPECT_FALSE(landed("lost").failure);
}

/// A process that ended before the first fold behind a snapshot.
TEST_F(LandingFoldsTest, AfterAStartTheTablesAreJoinedAtOnce) {
  const auto first = accounts("first"), second = accounts("second");
  make(first);
  fold();
  commit(2, changes_of(first, 2, {{"update", {{"id", "1"}, {"balance", "1"}}}}));
  make(second);
  open();
  EXPECT_EQ(landing().fold(false, {}).value(), 1u);
  EXPECT_EQ(landing().fold(false, {}).value(), 0u);
}

TEST_F(LandingFoldsTest, ATableThatWasLoadedIsJoinedWithTheRest) {
  const auto first = accounts("first"), second = accounts("second");
  make(first);
  fold();
  commit(2, changes_of(first, 2, {{"update", {{"id", "1"}, {"balance", "1"}}}}));
  EXPECT_EQ(landing().fold(false, {}).value(), 0u) << "none is due";
  make(second);
  EXPECT_EQ(landing().fold(false, {}).value(), 1u) << "the lake shall show both as of one commit";
}

TEST_P(LandingsFoldsTest, ReadersSeeWholeTransactionsDuringCommitsAndFolds) {
  const auto table = accounts();
  make(table);
  std::atomic<bool> over = false;
  std::atomic<int> reads = 0, folds = 0;
  std::vector<std::jthread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      const auto session = engine_->open_session();
      while (!over) {
        EXPECT_EQ(read(*session, table), "40000|400");
        ++reads;
      }
    });
  }
  threads.emplace_back([&] {
    while (!over) {
      const auto moved = landing().fold(true, {});
      EXPECT_TRUE(moved) << moved.error().to_string();
      ++folds;
    }
  });
  std::map<int, int> balances;
  for (int id = 0; id < kAccounts; ++id) balances[id] = 100;
  std::mt19937 dice(1);
  const auto began = std::chrono::steady_clock::now();
  // On a machine with other work it takes longer to see enough.
  const auto goes_on = [&] {
    const auto passed = std::chrono::steady_clock::now() - began;
    return passed < std::chrono::seconds(6) || (passed < std::chrono::seconds(120) && (reads <= 20 || folds <= 5));
  };
  uint64_t at = 2;
  for (; goes_on(); ++at) commit(at, changes_of(table, at, transfer(balances, dice, at)));
  over = true;
  threads.clear();
  EXPECT_GT(reads, 20);
  EXPECT_GT(folds, 5);
  EXPECT_EQ(rows(sum_of(table))[0], "40000|400");
  std::cout << at << " commits, " << folds << " folds, " << reads << " reads\n";
}

TEST_P(LandingsFoldsTest, ConnectorsDoNotDisturbEachOther) {
  std::vector<std::string> connectors = {"one", "two", "three"};
  const uint64_t last = is_hot() ? 60 : 16;
  for (const auto& connector : connectors) make(accounts(), connector);
  std::vector<std::jthread> threads;
  for (const auto& connector : connectors) {
    threads.emplace_back([&, connector] {
      std::map<int, int> balances;
      for (int id = 0; id < kAccounts; ++id) balances[id] = 100;
      std::mt19937 dice(static_cast<uint32_t>(connector.size()));
      for (uint64_t at = 2; at < last; ++at) {
        std::vector<connector::Change> changes;
        changes.emplace_back(changes_of(accounts(), at, transfer(balances, dice, at)));
        const auto done = try_commit(at, std::move(changes), connector);
        EXPECT_TRUE(done) << done.error().to_string();
        if (at % 10 == 0) {
          const auto moved = landing(connector).fold(true, {});
          EXPECT_TRUE(moved) << moved.error().to_string();
        }
      }
    });
  }
  threads.clear();
  for (const auto& connector : connectors) {
    EXPECT_EQ(rows(sum_of(accounts(), connector))[0], "40000|400");
    EXPECT_EQ(landing(connector).position()->position, position_of(last - 1));
  }
}

INSTANTIATE_TEST_SUITE_P(Landing, LandingsFoldsTest, ::testing::Values(LandingKind::hot, LandingKind::direct),
                         testing::name_of);

uint64_t bytes_of(const std::filesystem::path& path) {
  std::error_code none;
  const auto bytes = std::filesystem::file_size(path, none);
  return none ? 0 : bytes;
}

TEST_P(LandingsFoldsTest, UpkeepKeepsExtentsFewAndFilesSmall) {
  options_.fold_rows = 100;
  landings_.clear();
  const auto table = accounts();
  make(table);
  std::map<int, int> balances;
  for (int id = 0; id < kAccounts; ++id) balances[id] = 100;
  std::mt19937 dice(1);
  size_t extents_max = 0;
  const uint64_t last = is_hot() ? 302 : 62;
  for (uint64_t at = 2; at < last; ++at) {
    commit(at, changes_of(table, at, transfer(balances, dice, at)));
    fold();
    const auto extents = rows("SELECT 1 FROM ducklake_list_files('weir', 'accounts', schema => 'pg.public')").size();
    extents_max = std::max(extents_max, extents);
  }
  EXPECT_LE(extents_max, 20u);
  EXPECT_LT(bytes_of(root_ / "data" / "hot.duckdb"), 8u << 20);
  EXPECT_LT(bytes_of(root_ / "data" / "hot.duckdb.wal"), 1u << 20);
  EXPECT_EQ(rows(sum_of(table))[0], "40000|400");
  open();
  EXPECT_EQ(rows(sum_of(table))[0], "40000|400");
}

TEST_F(LandingFoldsTest, KnowsWhetherTheLakeHasTombstones) {
  const auto table = accounts();
  make(table);
  EXPECT_TRUE(landed("accounts").tombstones) << "not known yet";
  const auto epoch = engine_->committer.epoch().now();
  fold();
  EXPECT_FALSE(landed("accounts").tombstones);
  EXPECT_FALSE(engine_->committer.epoch().still(epoch)) << "who has an older snapshot begins anew";
  commit(2, changes_of(table, 2, {{"update", {{"id", "1"}, {"balance", "0"}}}}));
  fold();
  EXPECT_FALSE(landed("accounts").tombstones);
  commit(3, changes_of(table, 3, {{"delete", {{"id", "2"}}}}));
  EXPECT_FALSE(landed("accounts").tombstones) << "it is hot";
  EXPECT_EQ(rows(sum_of(table))[0], "39800|399");
  fold();
  EXPECT_TRUE(landed("accounts").tombstones);
  EXPECT_EQ(rows(sum_of(table))[0], "39800|399");
  open();
  EXPECT_TRUE(landed("accounts").tombstones);
  fold();
  EXPECT_TRUE(landed("accounts").tombstones) << "it has looked";
}

TEST_P(LandingsFoldsTest, ForgetsOldTombstonesSnapshotsAndFiles) {
  options_.tombstones_kept = std::chrono::hours(0);
  options_.snapshots_kept = std::chrono::hours(1);
  landings_.clear();
  const auto table = accounts();
  make(table);
  std::map<int, int> balances;
  for (int id = 0; id < kAccounts; ++id) balances[id] = 100;
  std::mt19937 dice(1);
  const uint64_t last = is_hot() ? 60 : 30;
  for (uint64_t at = 2; at < last; ++at) {
    commit(at, changes_of(table, at, transfer(balances, dice, at)));
    fold();
  }
  EXPECT_LT(std::stoi(rows("SELECT count(*) FROM weir.\"pg.public\".accounts WHERE _kyma_op = 'delete'")[0]), 20);
  // Two hours later.
  ok(engine_->session->run(
      "UPDATE __ducklake_metadata_weir.ducklake_snapshot SET snapshot_time = snapshot_time - INTERVAL '2 hours'"));
  const auto extents = root_ / "data" / "extents";
  std::filesystem::create_directories(extents / "lost");
  std::ofstream(extents / "lost" / "ducklake-lost.parquet") << "x";
  for (const auto& file : std::filesystem::recursive_directory_iterator(extents)) {
    if (file.is_regular_file())
      std::filesystem::last_write_time(file, std::filesystem::file_time_type::clock::now() - std::chrono::hours(48));
  }
  fold();
  EXPECT_EQ(rows("SELECT count(*) FROM weir.snapshots()")[0], "1");
  ok(engine_->session->run(
      "UPDATE __ducklake_metadata_weir.ducklake_files_scheduled_for_deletion SET schedule_start = "
      "schedule_start - INTERVAL '2 hours'"));
  fold();
  EXPECT_FALSE(std::filesystem::exists(extents / "lost" / "ducklake-lost.parquet"));
  size_t files = 0;
  for (const auto& file : std::filesystem::recursive_directory_iterator(extents))
    files += file.is_regular_file() ? 1 : 0;
  EXPECT_LT(files, 40u);
  EXPECT_EQ(rows(sum_of(table))[0], "40000|400");
  open();
  EXPECT_EQ(rows(sum_of(table))[0], "40000|400");
}

TEST(HotGateTest, AFoldGivesWayToACommitThatWantsTheLake) {
  HotGate gate;
  gate.enter();
  std::atomic<int> state = 0;
  std::jthread fold([&] {
    const HotGate::FoldStep step(gate);
    state = step ? 1 : 2;
  });
  gate.want_lake();
  fold.join();
  EXPECT_EQ(state, 2);
  gate.leave();
  const HotGate::FoldStep step(gate);
  EXPECT_TRUE(step);
}

}  // namespace
}  // namespace weir::sync
