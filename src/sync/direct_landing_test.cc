#include <random>

#include "sync/landing_fixture.h"

namespace weir::sync {
namespace {

using plan::Kind;
using testing::changes_of;
using testing::column;
using ::testing::ElementsAre;
using testing::Event;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::LandingTest;
using testing::notes_table;
using testing::place_of;
using testing::position_of;
using testing::table_of;

class DirectLandingTest : public LandingTest {
 protected:
  DirectLandingTest() : LandingTest(LandingKind::direct) {}

  static Event note(const std::string& op, int id, const std::string& text) {
    return {op, {{"id", std::to_string(id)}, {"note", text}, {"big", "B"}}};
  }
  static Event gone(int id) { return {"delete", {{"id", std::to_string(id)}}}; }

  std::string at(const std::string& version, const std::string& select, const std::string& table) {
    return rows("SELECT " + select + " FROM " + table + " AT (VERSION => " + version + ")")[0];
  }
};

connector::ChangeTablePtr accounts(const std::string& name) {
  return table_of(name, {column("id", Kind::int64), column("balance", Kind::int64)}, {"id"});
}

/// What two tables have after each commit: money moves between accounts of both, accounts come, go and change their
/// key.
class Bank {
 public:
  explicit Bank(uint32_t seed) : dice_(seed) {
    for (int id = 0; id < 40; ++id) balances_[0][id] = balances_[1][id] = 100;
  }
  std::vector<connector::Change> next(uint64_t commit) {
    std::vector<connector::Change> changes;
    std::array<std::map<int, Event>, 2> last;
    for (int i = 0; i < 6; ++i) {
      const size_t from = dice_() % 2, to = dice_() % 2;
      const int amount = static_cast<int>(dice_() % 50);
      move(last[from], balances_[from], -amount);
      move(last[to], balances_[to], amount);
    }
    for (size_t table = 0; table < 2; ++table) {
      std::vector<Event> events;
      for (auto& [id, event] : last[table]) events.push_back(std::move(event));
      rename(events, balances_[table], static_cast<int>(1000 + commit));
      changes.emplace_back(changes_of(accounts(table == 0 ? "left" : "right"), commit, events));
    }
    return changes;
  }
  std::string contents() const {
    std::string text;
    for (const auto& table : balances_) {
      for (const auto& [id, balance] : table) text += std::to_string(id) + "=" + std::to_string(balance) + " ";
      text += "| ";
    }
    return text;
  }

 private:
  using Balances = std::map<int, int>;
  Balances::iterator any(Balances& balances) {
    return std::next(balances.begin(), static_cast<long>(dice_() % balances.size()));
  }
  static Event update(int id, int balance) {
    return {"update", {{"id", std::to_string(id)}, {"balance", std::to_string(balance)}}};
  }
  void move(std::map<int, Event>& last, Balances& balances, int amount) {
    const auto account = any(balances);
    account->second += amount;
    last[account->first] = update(account->first, account->second);
  }
  void rename(std::vector<Event>& events, Balances& balances, int to) {
    const auto account = any(balances);
    const auto id = account->first, balance = account->second;
    balances.erase(account);
    balances[to] = balance;
    events.push_back({"delete", {{"id", std::to_string(id)}}});
    events.push_back(update(to, balance));
    events.back().moved_from = std::map<std::string, std::string>{{"id", std::to_string(id)}};
  }

  std::mt19937 dice_;
  std::array<Balances, 2> balances_;
};

TEST_F(DirectLandingTest, EverySnapshotOfTheLakeIsTheSourceAfterACommit) {
  const std::string start = "(SELECT i AS id, 100::BIGINT AS balance FROM range(40) t(i))";
  for (const auto* name : {"left", "right"}) {
    ok(landing().prepare(accounts(name)));
    ok(landing().snapshot_begins({"public", name}, position_of(10), {}));
    ASSERT_TRUE(landing().load({"public", name}, start, {}));
    ok(landing().complete({"public", name}));
  }
  commit(10);
  const auto seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  Bank bank(seed);
  std::map<std::string, std::string> after;
  const auto first = rows("SELECT max(snapshot_id) FROM weir.snapshots()")[0];
  after[position_of(10)] = bank.contents();
  for (uint64_t at = 11; at < 36; ++at) {
    ok(try_commit(at, bank.next(at)));
    after[position_of(at)] = bank.contents();
    if (at % 5 == 0) fold();
  }
  std::set<std::string> seen;
  const auto one = [](const std::string& table) {
    return "(SELECT coalesce(string_agg(id || '=' || balance || ' ', '' ORDER BY id), '') FROM weir.\"pg.public\"." +
           table;
  };
  for (const auto& version :
       rows("SELECT snapshot_id FROM weir.snapshots() WHERE snapshot_id >= " + first + " ORDER BY 1")) {
    const auto moment = " AT (VERSION => " + version + ")";
    const auto alive = moment + " WHERE _kyma_op <> 'delete') || '| ' ";
    const auto row = rows("SELECT position, " + one("\"left\"") + alive + "|| " + one("\"right\"") + alive +
                          "FROM weir.\"pg.\".weir_position" + moment);
    ASSERT_EQ(row.size(), 1u);
    const auto position = row[0].substr(0, row[0].find('|'));
    EXPECT_EQ(row[0].substr(row[0].find('|') + 1), after[position]) << "snapshot " << version;
    seen.insert(position);
  }
  EXPECT_EQ(seen.size(), after.size()) << "a commit has no snapshot of its own";
}

TEST_F(DirectLandingTest, AKeyThatComesAgainTakesThePlaceOfItsTombstone) {
  const auto notes = notes_table();
  copy(notes, "(1, 'a', 'A'), (2, 'b', 'B')");
  commit(11, changes_of(notes, 11, {note("insert", 3, "c")}));
  commit(12, changes_of(notes, 12, {gone(1)}));
  commit(13, changes_of(notes, 13, {note("insert", 4, "d")}));
  open();
  commit(14, changes_of(notes, 14, {note("insert", 1, "again")}));
  EXPECT_THAT(contents("notes", "id, note, _kyma_op", CopyView::raw),
              ElementsAre("1|again|insert", "2|b|insert", "3|c|insert", "4|d|insert"));
  // Gone and back in one transaction: its last event is an insert too.
  commit(15, changes_of(notes, 15, {gone(2), note("insert", 2, "back")}));
  EXPECT_THAT(contents("notes", "id, note"), ElementsAre("1|again", "2|back", "3|c", "4|d"));
}

TEST_F(DirectLandingTest, OneTransactionInManyGroupsIsOneSnapshot) {
  const auto notes = notes_table();
  copy(notes, "(1, 'a', 'A')");
  const auto before = rows("SELECT max(snapshot_id) FROM weir.snapshots()")[0];
  ok(landing().begin());
  ok(landing().apply(changes_of(notes, 11, {note("insert", 2, "b"), note("update", 1, "aa")})));
  ok(landing().apply(changes_of(notes, 11, {note("update", 2, "bb")}, 3)));
  ok(landing().apply(connector::Truncation{notes, place_of(11) + "/00000004", {}}));
  ok(landing().apply(changes_of(notes, 11, {note("insert", 2, "bbb"), note("insert", 5, "e")}, 5)));
  EXPECT_THAT(contents("notes", "id, note"), ElementsAre("1|a"));
  ok(landing().commit({position_of(11), "system/1", {}}));
  EXPECT_THAT(contents("notes", "id, note"), ElementsAre("2|bbb", "5|e"));
  EXPECT_EQ(rows("SELECT max(snapshot_id) - " + before + " FROM weir.snapshots()")[0], "1");
}

TEST_F(DirectLandingTest, ATableThatIsLoadingIsPreparedAnewAfterARestart) {
  const auto notes = notes_table();
  ok(landing().prepare(notes));
  ok(landing().snapshot_begins(notes->name, position_of(10), {}));
  commit(11, changes_of(notes, 11, {note("insert", 2, "b")}));
  open();
  EXPECT_EQ(landed().phase, CopyPhase::loading);
  EXPECT_EQ(landing().load(notes->name, "(SELECT 1)", {}).error().code, ErrorCode::commit_conflict);
  EXPECT_EQ(landing().complete(notes->name).error().code, ErrorCode::commit_conflict);
  // Its changes need not be taken.
  commit(12, changes_of(notes, 12, {note("insert", 3, "c")}));
  ok(landing().prepare(notes));
  ok(landing().snapshot_begins(notes->name, position_of(13), {}));
  commit(14, changes_of(notes, 14, {note("insert", 4, "d")}));
  load(notes, "(2, 'b', 'B'), (3, 'c', 'B')");
  ok(landing().complete(notes->name));
  EXPECT_THAT(contents("notes", "id, note"), ElementsAre("2|b", "3|c", "4|d"));
}

TEST_F(DirectLandingTest, ACommitThatFailsLosesTheChangesOfTablesThatAreLoading) {
  const auto notes = notes_table(), more = notes_table("more");
  copy(notes, "(1, 'a', 'A')");
  ok(landing().prepare(more));
  ok(landing().snapshot_begins(more->name, position_of(10), {}));
  const auto second = try_landing().value();
  std::vector<connector::Change> changes;
  changes.emplace_back(changes_of(notes, 11, {note("update", 1, "b")}));
  changes.emplace_back(changes_of(more, 11, {note("insert", 1, "b")}));
  const auto refused = try_commit(11, std::move(changes));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::commit_conflict);
  EXPECT_THAT(contents("notes", "id, note"), ElementsAre("1|a"));
  const auto lost = landing().load(more->name, "(SELECT 1)", {});
  ASSERT_FALSE(lost);
  EXPECT_THAT(lost.error().message, HasSubstr("prepared anew"));
}

TEST_F(DirectLandingTest, FiltersFindWhatAWidenedColumnHasAndGets) {
  const auto before = table_of("t", {column("id", Kind::int64), column("n", Kind::int32)}, {"id"});
  ok(landing().prepare(before));
  ok(landing().snapshot_begins(before->name, position_of(10), {}));
  ASSERT_TRUE(landing().load(before->name, "(SELECT i AS id, i::INTEGER AS n FROM range(10) r(i))", {}));
  ok(landing().complete(before->name));
  EXPECT_THAT(contents("t", "count(*) FILTER (n > 3)"), ElementsAre("6"));
  connector::SchemaChange change;
  change.before = before;
  const auto after = table_of("t", {column("id", Kind::int64), column("n", Kind::int64)}, {"id"});
  change.after = after;
  change.widened = {after->columns[1]};
  commit(11, std::move(change), changes_of(after, 11, {{"update", {{"id", "0"}, {"n", "5000000000"}}}}));
  EXPECT_THAT(rows("SELECT count(*) FROM weir.\"pg.public\".t WHERE n > 3"), ElementsAre("7"));
  EXPECT_THAT(rows("SELECT id FROM weir.\"pg.public\".t WHERE n > 3000000000"), ElementsAre("0"));
}

TEST_F(DirectLandingTest, AnotherWayToLandMakesTheCopiesAnew) {
  const auto notes = notes_table();
  copy(notes, "(1, 'a', 'A')");
  commit(11, changes_of(notes, 11, {note("insert", 2, "b")}));
  options_.kind = LandingKind::hot;
  open();
  EXPECT_FALSE(landing().position());
  EXPECT_THAT(landing().tables(), IsEmpty());
  EXPECT_THAT(rows("SELECT schema_name FROM duckdb_schemas() WHERE database_name = 'weir' AND schema_name LIKE 'pg.%'"),
              IsEmpty());
  copy(notes, "(1, 'a', 'A')");
  commit(11, changes_of(notes, 11, {note("insert", 3, "c")}));
  options_.kind = LandingKind::direct;
  open();
  EXPECT_FALSE(landing().position());
  EXPECT_THAT(rows("SELECT count(*) FROM __weir_hot.main.weir_position"), ElementsAre("0"));
  copy(notes, "(1, 'a', 'A')");
  EXPECT_THAT(contents("notes", "id, note"), ElementsAre("1|a"));
}

}  // namespace
}  // namespace weir::sync
