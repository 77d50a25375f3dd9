#include "sync/landing.h"

#include "sync/landing_fixture.h"

namespace weir::sync {
namespace {

using testing::changes_of;
using testing::column;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::LandingsTest;
using testing::LandingTest;
using testing::notes_table;
using testing::place_of;
using testing::position_of;
using testing::table_of;

INSTANTIATE_TEST_SUITE_P(Landing, LandingsTest, ::testing::Values(LandingKind::hot, LandingKind::direct),
                         testing::name_of);

std::map<std::string, std::string> note(int id, const std::string& note, const std::string& big) {
  return {{"id", std::to_string(id)}, {"note", note}, {"big", big}};
}
std::map<std::string, std::string> key(int id) { return {{"id", std::to_string(id)}}; }

TEST_P(LandingsTest, LandsASnapshotAndTheChangesBehindIt) {
  const auto notes = notes_table();
  copy(notes, "(1, 'a', 'A'), (2, 'b', 'B'), (3, 'c', 'C')");
  EXPECT_THAT(contents(), ElementsAre("1|a|A", "2|b|B", "3|c|C"));
  commit(11,
         changes_of(notes, 11, {{"insert", note(4, "d", "D")}, {"update", note(2, "bb", "B")}, {"delete", key(1)}}));
  EXPECT_THAT(contents(), ElementsAre("2|bb|B", "3|c|C", "4|d|D"));
  EXPECT_EQ(landed().hot_rows, is_hot() ? 3u : 0u);
  EXPECT_THAT(contents("notes", "_kyma_pk, _kyma_op, _kyma_lsn", CopyView::raw),
              ElementsAre("1|delete|00000000000000A0/00000003", "2|update|00000000000000A0/00000002",
                          "3|insert|00000000000000A0/00000000", "4|insert|00000000000000A0/00000001"));
  EXPECT_EQ(fold(), is_hot() ? 3u : 0u);
  EXPECT_EQ(landed().hot_rows, 0u);
  EXPECT_THAT(contents(), ElementsAre("2|bb|B", "3|c|C", "4|d|D"));
  commit(12,
         changes_of(notes, 12, {{"insert", note(1, "again", "A")}, {"delete", key(4)}, {"insert", note(4, "e", "E")}}));
  EXPECT_THAT(contents(), ElementsAre("1|again|A", "2|bb|B", "3|c|C", "4|e|E"));
  EXPECT_EQ(fold(), is_hot() ? 2u : 0u);
  EXPECT_THAT(contents(), ElementsAre("1|again|A", "2|bb|B", "3|c|C", "4|e|E"));
}

TEST_P(LandingsTest, KnowsEverythingAgainAfterARestart) {
  const auto notes = notes_table();
  copy(notes, "(1, 'a', 'A')");
  commit(11, changes_of(notes, 11, {{"update", note(1, "b", "A")}}));
  open();
  EXPECT_EQ(landing().position()->position, position_of(11));
  EXPECT_EQ(landing().position()->source_identity, "system/1");
  EXPECT_EQ(landed().phase, CopyPhase::complete);
  EXPECT_EQ(landed().hot_rows, is_hot() ? 1u : 0u);
  EXPECT_EQ(landed().table->columns, notes->columns);
  EXPECT_EQ(landed().table->key, notes->key);
  EXPECT_EQ(landed().table->memo, "memo");
  EXPECT_THAT(contents(), ElementsAre("1|b|A"));
}

TEST_P(LandingsTest, LeavesOutWhatTheSnapshotHas) {
  const auto notes = notes_table();
  ok(landing().prepare(notes));
  commit(5, changes_of(notes, 5, {{"insert", note(1, "early", "A")}}));
  commit(10, changes_of(notes, 10, {{"update", note(1, "seen", "A")}, {"insert", note(2, "seen", "B")}}));
  commit(11, changes_of(notes, 11, {{"update", note(2, "later", "B")}}));
  ok(landing().snapshot_begins(notes->name, position_of(10), {}));
  EXPECT_EQ(landed().hot_rows, 1u);
  load(notes, "(1, 'seen', 'A'), (2, 'seen', 'B')");
  ok(landing().complete(notes->name));
  EXPECT_THAT(contents(), ElementsAre("1|seen|A", "2|later|B"));
}

TEST_P(LandingsTest, FencesASecondOwner) {
  const auto notes = notes_table();
  copy(notes);
  commit(11, changes_of(notes, 11, {{"insert", note(1, "a", "A")}}));
  const auto second = try_landing().value();
  EXPECT_EQ(second->position()->position, position_of(11));
  const auto refused = try_commit(12, [&] {
    std::vector<connector::Change> all;
    all.emplace_back(changes_of(notes, 12, {{"insert", note(2, "b", "B")}}));
    return all;
  }());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::commit_conflict);
  EXPECT_THAT(refused.error().message, HasSubstr("another process owns"));
  EXPECT_THAT(contents(), ElementsAre("1|a|A"));
  EXPECT_EQ(landing().prepare(notes_table("other")).error().code, ErrorCode::commit_conflict);
  ok(second->begin());
  ok(second->commit({position_of(13), "system/1", {}}));
}

TEST_P(LandingsTest, RefusesAPositionThatStandsStill) {
  commit(11);
  const auto refused = try_commit(11, {});
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("does not move forward"));
  commit(12);
}

TEST_P(LandingsTest, TakesUnsentValuesFromTheHotRowOrTheLakes) {
  const auto notes = notes_table();
  copy(notes, "(1, 'a', 'A'), (2, 'b', 'B')");
  commit(11, changes_of(notes, 11, {{"update", note(2, "b", "BB")}}));
  commit(12, changes_of(notes, 12,
                        {{"update", {{"id", "1"}, {"note", "x"}}, {"big"}},
                         {"update", {{"id", "2"}, {"note", "y"}}, {"big"}}}));
  EXPECT_THAT(contents(), ElementsAre("1|x|A", "2|y|BB"));
}

TEST_P(LandingsTest, TakesUnsentValuesOfARowThatChangedItsKey) {
  const auto notes = notes_table();
  copy(notes, "(1, 'a', 'A'), (2, 'b', 'B'), (3, 'c', 'C')");
  commit(11, changes_of(notes, 11, {{"update", note(2, "b", "BB")}}));
  commit(12, changes_of(notes, 12,
                        {{"delete", key(1)},
                         {"update", {{"id", "10"}, {"note", "a"}}, {"big"}, key(1)},
                         {"delete", key(2)},
                         {"update", {{"id", "20"}, {"note", "b"}}, {"big"}, key(2)},
                         {"delete", key(20)},
                         {"update", {{"id", "200"}, {"note", "b"}}, {"big"}, key(20)},
                         {"update", {{"id", "200"}, {"note", "bb"}}, {"big"}},
                         {"insert", note(2, "new", "NEW")}}));
  EXPECT_THAT(contents(), ElementsAre("2|new|NEW", "3|c|C", "10|a|A", "200|bb|BB"));
  fold();
  EXPECT_THAT(contents(), ElementsAre("2|new|NEW", "3|c|C", "10|a|A", "200|bb|BB"));
}

TEST_P(LandingsTest, TakesUnsentValuesOfATableThatIsLoadingFromItsSnapshot) {
  const auto notes = notes_table();
  ok(landing().prepare(notes));
  commit(9, changes_of(notes, 9, {{"delete", key(4)}, {"update", {{"id", "5"}, {"note", "e"}}, {"big"}, key(4)}}));
  commit(11, changes_of(notes, 11,
                        {{"update", {{"id", "1"}, {"note", "x"}}, {"big"}},
                         {"update", {{"id", "5"}, {"note", "ee"}}, {"big"}}}));
  ok(landing().snapshot_begins(notes->name, position_of(10), {}));
  commit(12, changes_of(notes, 12,
                        {{"update", {{"id", "1"}, {"note", "y"}}, {"big"}},
                         {"delete", key(2)},
                         {"update", {{"id", "20"}, {"note", "b"}}, {"big"}, key(2)},
                         {"update", {{"id", "3"}, {"note", "z"}}, {"big"}}}));
  commit(13, changes_of(notes, 13,
                        {{"delete", key(20)},
                         {"update", {{"id", "21"}, {"note", "b"}}, {"big"}, key(20)},
                         {"update", note(3, "z", "Z")}}));
  load(notes, "(1, 'a', 'A'), (2, 'b', 'B'), (3, 'c', 'C'), (5, 'e', 'E')");
  ok(landing().complete(notes->name));
  EXPECT_THAT(contents(), ElementsAre("1|y|A", "3|z|Z", "5|ee|E", "21|b|B"));
}

TEST_P(LandingsTest, TruncatesInOneTransaction) {
  const auto notes = notes_table();
  copy(notes, "(1, 'a', 'A'), (2, 'b', 'B')");
  commit(11, changes_of(notes, 11, {{"insert", note(3, "c", "C")}, {"delete", key(1)}}));
  commit(12, connector::Truncation{notes, place_of(12) + "/00000001", {}},
         changes_of(notes, 12, {{"insert", note(2, "new", "B")}}, 2));
  EXPECT_THAT(contents(), ElementsAre("2|new|B"));
  fold();
  EXPECT_THAT(contents(), ElementsAre("2|new|B"));
}

TEST_P(LandingsTest, TruncatesATableThatIsLoading) {
  const auto notes = notes_table();
  ok(landing().prepare(notes));
  commit(9, connector::Truncation{notes, place_of(9) + "/00000001", {}});
  ok(landing().snapshot_begins(notes->name, position_of(10), {}));
  commit(11, changes_of(notes, 11, {{"update", note(1, "b", "A")}}));
  commit(12, connector::Truncation{notes, place_of(12) + "/00000001", {}},
         changes_of(notes, 12, {{"insert", note(2, "new", "B")}}, 2));
  if (is_hot()) open();
  load(notes, "(1, 'a', 'A'), (2, 'b', 'B'), (3, 'c', 'C')");
  ok(landing().complete(notes->name));
  EXPECT_THAT(contents(), ElementsAre("2|new|B"));
}

TEST_P(LandingsTest, KeepsCompositeKeysApart) {
  const auto pairs =
      table_of("pairs", {column("a", plan::Kind::text), column("b", plan::Kind::text), column("v", plan::Kind::text)},
               {"b", "a"});
  copy(pairs, "('x:y', 'z', '1'), ('x', 'y:z', '2'), ('x\\', ':', '3')");
  EXPECT_THAT(contents("pairs", "v, _kyma_pk"), ElementsAre("1|z:x\\:y", "2|y\\:z:x", "3|\\::x\\\\"));
  commit(11,
         changes_of(pairs, 11,
                    {{"update", {{"a", "x:y"}, {"b", "z"}, {"v", "one"}}}, {"delete", {{"a", "x\\"}, {"b", ":"}}}}));
  EXPECT_THAT(contents("pairs"), ElementsAre("x|y:z|2", "x:y|z|one"));
}

connector::SchemaChange shape_change(const connector::ChangeTablePtr& before, std::vector<plan::Column> columns) {
  connector::SchemaChange change;
  change.before = before;
  change.after = std::make_shared<const connector::ChangeTable>(
      connector::ChangeTable{before->name, std::move(columns), before->key, "after"});
  return change;
}

TEST_P(LandingsTest, FollowsChangesOfShape) {
  const auto notes = notes_table();
  copy(notes, "(1, 'a', 'A'), (2, 'b', 'B')");
  commit(11, changes_of(notes, 11, {{"update", note(2, "bb", "B")}}));
  auto change = shape_change(
      notes, {column("id", plan::Kind::int64), column("title", plan::Kind::text), column("rank", plan::Kind::int64)});
  change.renamed = {{"note", "title"}};
  change.dropped = {"big"};
  change.added = {{column("rank", plan::Kind::int64), "7"}};
  const auto after = change.after;
  commit(12, std::move(change),
         changes_of(
             after, 12,
             {{"insert", {{"id", "3"}, {"title", "c"}, {"rank", "1"}}}, {"insert", {{"id", "4"}, {"title", "d"}}}}));
  EXPECT_THAT(contents(), ElementsAre("1|a|7", "2|bb|7", "3|c|1", "4|d|-"));
  EXPECT_THAT(rows("SELECT id, big FROM weir.\"pg.public\".notes WHERE id < 3 ORDER BY id"), ElementsAre("1|A", "2|B"));
  fold();
  EXPECT_THAT(contents(), ElementsAre("1|a|7", "2|bb|7", "3|c|1", "4|d|-"));
  // A new column takes the name of the dropped one; two others swap theirs.
  auto again = shape_change(after, {column("id", plan::Kind::int64), column("rank", plan::Kind::text),
                                    column("title", plan::Kind::int64), column("big", plan::Kind::text)});
  again.renamed = {{"title", "rank"}, {"rank", "title"}};
  again.added = {{column("big", plan::Kind::text), {}}};
  const auto last = again.after;
  commit(13, std::move(again),
         changes_of(last, 13, {{"update", {{"id", "1"}, {"rank", "A"}, {"title", "70"}, {"big", "BIG"}}}}));
  EXPECT_THAT(contents(), ElementsAre("1|A|70|BIG", "2|bb|7|-", "3|c|1|-", "4|d|-|-"));
  open();
  EXPECT_THAT(contents(), ElementsAre("1|A|70|BIG", "2|bb|7|-", "3|c|1|-", "4|d|-|-"));
  fold();
  EXPECT_THAT(contents(), ElementsAre("1|A|70|BIG", "2|bb|7|-", "3|c|1|-", "4|d|-|-"));
}

TEST_P(LandingsTest, RollsAChangeOfShapeBack) {
  const auto notes = notes_table();
  copy(notes, "(1, 'a', 'A')");
  auto change = shape_change(
      notes, {column("id", plan::Kind::int64), column("title", plan::Kind::text), column("big", plan::Kind::text)});
  change.renamed = {{"note", "title"}};
  ok(landing().begin());
  ok(landing().apply(change));
  landing().roll_back();
  EXPECT_THAT(contents(), ElementsAre("1|a|A"));
  commit(12, changes_of(notes, 12, {{"update", note(1, "b", "A")}}));
  EXPECT_THAT(contents(), ElementsAre("1|b|A"));
}

TEST_P(LandingsTest, RefusesAShapeThatTheCopyCannotTakeAndGoesOn) {
  const auto notes = notes_table();
  copy(notes, "(1, 'a', 'A')");
  auto change = shape_change(
      notes, {column("id", plan::Kind::text), column("note", plan::Kind::text), column("big", plan::Kind::text)});
  change.widened = {column("id", plan::Kind::text)};
  ok(landing().begin());
  const auto refused = landing().apply(change);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::schema_drift);
  ok(landing().apply(changes_of(notes, 12, {{"update", note(1, "b", "A")}})));
  ok(landing().commit({position_of(12), "system/1", {}}));
  EXPECT_THAT(contents(), ElementsAre("1|b|A"));
}

TEST_F(LandingTest, ATableThatWasMadeAnewIsNotUndoneByWhatWasBegunWithTheOneBefore) {
  const auto notes = notes_table();
  copy(notes, "(1, 'a', 'A')");
  // As a change of shape leaves it that did not get its turn.
  ok(engine_->session->run(
      R"(INSERT INTO __weir_hot.main.weir_intents VALUES ('pg', 'public', 'notes', 1, '{"1": "gone", "2": "id"}'))"));
  copy(notes, "(1, 'b', 'B')");
  commit(11, changes_of(notes, 11, {{"insert", note(2, "c", "C")}}));
  open();
  EXPECT_THAT(contents(), ElementsAre("1|b|B", "2|c|C"));
  EXPECT_EQ(rows("SELECT count(*) FROM __weir_hot.main.weir_intents")[0], "0");
}

TEST_P(LandingsTest, ALoadThatFailedBehindItsRowsIsDoneAgainWithoutThem) {
  const auto notes = notes_table();
  auto& to = landing();
  ok(to.prepare(notes));
  ok(to.snapshot_begins(notes->name, position_of(10), {}));
  // The first column that comes after the rows cannot come.
  ok(engine_->session->run("ALTER TABLE weir.\"pg.public\".notes ADD COLUMN _kyma_op VARCHAR"));
  const auto failed = to.load(notes->name, "(SELECT 1 AS id, 'a' AS note, 'A' AS big)", {});
  ASSERT_FALSE(failed);
  EXPECT_THAT(failed.error().message, HasSubstr("_kyma_op"));
  EXPECT_EQ(rows("SELECT count(*) FROM weir.\"pg.public\".notes")[0], "1");
  commit(11, changes_of(notes, 11, {{"insert", note(2, "b", "B")}}));
  ok(to.snapshot_begins(notes->name, position_of(12), {}));
  load(notes, "(1, 'a', 'A'), (2, 'b', 'B')");
  ok(to.complete(notes->name));
  EXPECT_THAT(contents("notes", "id, note, _kyma_op, _kyma_lsn"),
              ElementsAre("1|a|insert|00000000000000C0/00000000", "2|b|insert|00000000000000C0/00000000"));
}

TEST_P(LandingsTest, AReaderBeginsAnewWhenACopyBecomesCompleteOrGoes) {
  const auto notes = notes_table();
  auto& epoch = engine_->committer.epoch();
  const auto loading = epoch.now();
  copy(notes, "(1, 'a', 'A')");
  EXPECT_FALSE(epoch.still(loading)) << "one that was told 'complete' may have snapshots from before";
  const auto complete = epoch.now();
  EXPECT_TRUE(epoch.still(complete));
  ok(landing().drop(notes->name));
  EXPECT_FALSE(epoch.still(complete));
}

TEST_P(LandingsTest, RefusesNamesThatDifferByLetterCaseAlsoWhenTheyComeLater) {
  const auto notes = notes_table();
  copy(notes, "(1, 'a', 'A')");
  auto after = std::make_shared<connector::ChangeTable>(*notes);
  after->columns.push_back(column("NOTE", plan::Kind::text));
  connector::SchemaChange change;
  change.before = notes;
  change.after = after;
  change.added.push_back({after->columns.back(), {}});
  std::vector<connector::Change> changes;
  changes.emplace_back(std::move(change));
  const auto refused = try_commit(11, std::move(changes));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::schema_drift);
  EXPECT_THAT(refused.error().message, HasSubstr("letter case"));
  EXPECT_THAT(contents(), ElementsAre("1|a|A"));
}

TEST_P(LandingsTest, DropsACopyAndAllOfAConnector) {
  const auto notes = notes_table();
  copy(notes, "(1, 'a', 'A')");
  copy(notes_table("more"));
  commit(11);
  ok(landing().drop(notes->name));
  EXPECT_EQ(landing().tables().size(), 1u);
  EXPECT_THAT(rows("SELECT table_name FROM duckdb_tables() WHERE schema_name = 'pg.public' AND database_name = 'weir'"),
              ElementsAre("more"));
  ok(landing().drop_all());
  EXPECT_THAT(landing().tables(), IsEmpty());
  EXPECT_FALSE(landing().position());
  EXPECT_THAT(rows("SELECT schema_name FROM duckdb_schemas() WHERE schema_name LIKE 'pg.%'"), IsEmpty());
  open();
  EXPECT_FALSE(landing().position());
}

}  // namespace
}  // namespace weir::sync
