/// Groups of changes from constructed messages.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "connectors/postgres/change_decoder_fixture.h"

namespace weir::postgres {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST_F(ChangeDecoderTest, GathersWholeTransactions) {
  begin_users();
  take({insert_message(kUsers, {cell(1), cell("a"), null_cell()})});
  EXPECT_FALSE(decoder_->due());
  EXPECT_TRUE(decoder_->flush());
  EXPECT_THAT(groups_, IsEmpty());
  take({commit_message(200, 210), begin_message(220), insert_message(kUsers, {cell(2), cell("b"), cell("n")}),
        commit_message(220, 230)});
  EXPECT_TRUE(decoder_->due());
  ASSERT_TRUE(decoder_->flush());
  ASSERT_THAT(groups_, SizeIs(1));
  EXPECT_TRUE(groups_[0].complete);
  EXPECT_EQ(groups_[0].position, to_position(Lsn{230}));
  EXPECT_EQ(groups_[0].transactions, 2u);
  EXPECT_EQ(groups_[0].rows, 2u);
  EXPECT_THAT(lines(), ElementsAre("insert id=1 name=a note=NULL", "insert id=2 name=b note=n"));
  EXPECT_EQ(catalog_.asked, 0);
}

TEST_F(ChangeDecoderTest, StampsEventsSoThatTheyOrderAsText) {
  begin_users();
  take({insert_message(kUsers, {cell(1), cell("a"), null_cell()}),
        update_message(kUsers, 'K', {cell(1), null_cell(), null_cell()}, {cell(2), cell("a"), null_cell()}),
        commit_message(200, 210)});
  ASSERT_TRUE(decoder_->flush());
  auto rows = rows_of(std::get<connector::RowChanges>(groups_.at(0).changes.at(0)));
  ASSERT_THAT(rows, SizeIs(3));
  EXPECT_EQ(rows[0]["_kyma_lsn"], "00000000000000C8/00000000");
  EXPECT_EQ(rows[1]["_kyma_lsn"], "00000000000000C8/00000001");
  EXPECT_EQ(rows[2]["_kyma_lsn"], "00000000000000C8/00000002");
  // In the transaction's own position, not in the one before.
  EXPECT_LT(rows[2]["_kyma_lsn"], groups_[0].position);
  EXPECT_GT(rows[0]["_kyma_lsn"], to_position(Lsn{200}));
}

TEST_F(ChangeDecoderTest, MarksTheLastEventOfAKey) {
  begin_users();
  take({insert_message(kUsers, {cell(1), cell("a"), null_cell()}),
        update_message(kUsers, 0, {}, {cell(1), cell("b"), null_cell()}),
        delete_message(kUsers, 'K', {cell(1), null_cell(), null_cell()}),
        insert_message(kUsers, {cell(2), cell("c"), null_cell()}), commit_message(200, 210)});
  EXPECT_THAT(lines(), ElementsAre("insert id=1 name=a note=NULL superseded", "update id=1 name=b note=NULL superseded",
                                   "delete id=1 name=NULL note=NULL", "insert id=2 name=c note=NULL"));
}

TEST_F(ChangeDecoderTest, AChangeOfKeyIsADeleteAndAnUpdate) {
  begin_users();
  take({update_message(kUsers, 'K', {cell(1), null_cell(), null_cell()}, {cell(2), cell("a"), null_cell()}),
        commit_message(200, 210)});
  EXPECT_THAT(lines(), ElementsAre("delete id=1 name=NULL note=NULL", "update id=2 name=a note=NULL"));
}

TEST_F(ChangeDecoderTest, TakesUnchangedValuesFromTheEarlierEventOfTheRow) {
  begin_users();
  take({insert_message(kUsers, {cell(1), cell("a"), cell("long")}),
        update_message(kUsers, 0, {}, {cell(1), cell("b"), unchanged_cell()}),
        update_message(kUsers, 'K', {cell(1), null_cell(), null_cell()}, {cell(2), cell("c"), unchanged_cell()}),
        commit_message(200, 210)});
  EXPECT_THAT(lines(), ElementsAre("insert id=1 name=a note=long superseded", "update id=1 name=b note=long superseded",
                                   "delete id=1 name=NULL note=NULL", "update id=2 name=c note=long"));
}

TEST_F(ChangeDecoderTest, SaysWhichValuesItDoesNotKnow) {
  begin_users();
  take({update_message(kUsers, 0, {}, {cell(1), cell("b"), unchanged_cell()}),
        update_message(kUsers, 0, {}, {cell(1), cell("c"), unchanged_cell()}), commit_message(200, 210)});
  EXPECT_THAT(lines(), ElementsAre("update id=1 name=b note=NULL superseded unchanged[note]",
                                   "update id=1 name=c note=NULL unchanged[note]"));
}

TEST_F(ChangeDecoderTest, NamesTheKeyThatEachMoveCameFrom) {
  begin_users();
  take({update_message(kUsers, 'K', {cell(1), null_cell(), null_cell()}, {cell(2), cell("a"), unchanged_cell()}),
        update_message(kUsers, 'K', {cell(2), null_cell(), null_cell()}, {cell(3), cell("b"), unchanged_cell()}),
        update_message(kUsers, 0, {}, {cell(3), cell("c"), unchanged_cell()}), commit_message(200, 210)});
  EXPECT_THAT(lines(), ElementsAre("delete id=1 name=NULL note=NULL",
                                   "update id=2 name=a note=NULL superseded unchanged[note] moved{id:int64 = 1}",
                                   "delete id=2 name=NULL note=NULL",
                                   "update id=3 name=b note=NULL superseded unchanged[note] moved{id:int64 = 2}",
                                   "update id=3 name=c note=NULL unchanged[note]"));
}

TEST_F(ChangeDecoderTest, TakesUnchangedValuesFromAWholeOldRow) {
  take({begin_message(200), relation_message(relation(kUsers, "users", 'f')),
        update_message(kUsers, 'O', {cell(1), cell("a"), cell("long")}, {cell(1), cell("b"), unchanged_cell()}),
        update_message(kUsers, 'O', {cell(1), cell("b"), cell("long")}, {cell(5), cell("b"), unchanged_cell()}),
        delete_message(kUsers, 'O', {cell(5), cell("b"), cell("long")}), commit_message(200, 210)});
  EXPECT_THAT(lines(), ElementsAre("update id=1 name=b note=long superseded", "delete id=1 name=NULL note=NULL",
                                   "update id=5 name=b note=long superseded", "delete id=5 name=NULL note=NULL"));
}

TEST_F(ChangeDecoderTest, TruncatesSeveralTablesInTheirPlace) {
  begin_users();
  take({relation_message(relation(kNotes, "notes")), insert_message(kUsers, {cell(1), cell("a"), null_cell()}),
        truncate_message({kUsers, kNotes}), insert_message(kUsers, {cell(1), cell("b"), null_cell()}),
        commit_message(200, 210)});
  EXPECT_THAT(lines(), ElementsAre("insert id=1 name=a note=NULL", "truncate users", "truncate notes",
                                   "insert id=1 name=b note=NULL"));
}

TEST_F(ChangeDecoderTest, HandsALargeTransactionOverInParts) {
  limits_.rows_max = 2;
  begin();
  begin_users();
  for (int i = 0; i < 5; i++) take({insert_message(kUsers, {cell(i), cell("a"), null_cell()})});
  take({commit_message(200, 210)});
  ASSERT_THAT(groups_, SizeIs(3));
  EXPECT_FALSE(groups_[0].complete);
  EXPECT_EQ(groups_[0].position, "");
  EXPECT_FALSE(groups_[1].complete);
  EXPECT_TRUE(groups_[2].complete);
  EXPECT_EQ(groups_[2].rows, 1u);
  EXPECT_EQ(groups_[2].position, to_position(Lsn{210}));
}

TEST_F(ChangeDecoderTest, ATransactionThatEndsWithAFullPartIsStillEnded) {
  limits_.rows_max = 2;
  begin();
  begin_users();
  for (int i = 0; i < 2; i++) take({insert_message(kUsers, {cell(i), cell("a"), null_cell()})});
  take({commit_message(200, 210)});
  ASSERT_THAT(groups_, SizeIs(2));
  EXPECT_FALSE(groups_[0].complete);
  EXPECT_TRUE(groups_[1].complete);
  EXPECT_THAT(groups_[1].changes, IsEmpty());
}

TEST_F(ChangeDecoderTest, ValuesThatAreTakenAgainFillAGroup) {
  limits_.bytes_max = 100'000;
  begin();
  begin_users();
  take({insert_message(kUsers, {cell(1), cell("a"), cell(std::string(30'000, 'x'))})});
  for (int i = 0; i < 10; i++) take({update_message(kUsers, 0, {}, {cell(1), cell("b"), unchanged_cell()})});
  ASSERT_THAT(groups_, SizeIs(1));
  EXPECT_FALSE(groups_[0].complete);
  EXPECT_EQ(groups_[0].rows, 4u);
}

TEST_F(ChangeDecoderTest, NullsFillAGroup) {
  limits_.bytes_max = 1'000;
  begin();
  begin_users();
  for (int i = 0; i < 100; i++) take({delete_message(kUsers, 'K', {cell(i), null_cell(), null_cell()})});
  ASSERT_THAT(groups_, SizeIs(2));
  EXPECT_EQ(groups_[0].rows, 50u);
}

TEST_F(ChangeDecoderTest, AnIdlePositionIsNews) {
  EXPECT_FALSE(decoder_->has_news());
  decoder_->advance(Lsn{150}, 5);
  EXPECT_TRUE(decoder_->has_news());
  ASSERT_TRUE(decoder_->flush());
  ASSERT_THAT(groups_, SizeIs(1));
  EXPECT_THAT(groups_[0].changes, IsEmpty());
  EXPECT_EQ(groups_[0].position, to_position(Lsn{150}));
  EXPECT_EQ(groups_[0].committed_at,
            std::chrono::sys_days(std::chrono::year(2000) / 1 / 1) + std::chrono::microseconds(5));
  EXPECT_FALSE(decoder_->has_news());
  decoder_->advance(Lsn{120}, 6);
  EXPECT_FALSE(decoder_->has_news());
}

TEST_F(ChangeDecoderTest, ShowsASchemaChangeWhereItHappened) {
  begin_users();
  take({insert_message(kUsers, {cell(1), cell("a"), null_cell()})});
  auto after = relation(kUsers, "users");
  after.columns[1].name = "full_name";
  after.columns.push_back({false, "age", oid::kInt4, -1});
  TableFacts& now = catalog_.tables[kUsers];
  now.attributes[1].column.name = "full_name";
  now.last_number = 4;
  now.attributes.push_back(attribute(4, "age", oid::kInt4, plan::Kind::int32));
  now.attributes[3].missing_value = "18";
  now.attributes[3].has_missing_value = true;
  take({relation_message(after),
        insert_message(kUsers, {cell(2), cell("b"), null_cell(), cell(std::string("\0\0\0\5", 4))}),
        commit_message(200, 210)});
  EXPECT_THAT(lines(), ElementsAre("insert id=1 name=a note=NULL", "schema users +age:23=18 name->full_name",
                                   "insert id=2 full_name=b note=NULL age=5"));
}

TEST_F(ChangeDecoderTest, ATableThatCannotGoOnStopsAlone) {
  begin_users();
  auto after = relation(kUsers, "users");
  after.columns[0].in_identity = false;
  after.columns[1].in_identity = true;
  take({relation_message(after), insert_message(kUsers, {cell(2), cell("b"), null_cell()}),
        relation_message(relation(kNotes, "notes")), insert_message(kNotes, {cell(1), cell("n"), null_cell()}),
        commit_message(200, 210)});
  EXPECT_THAT(lines(), ElementsAre("end users: pk_changed", "insert id=1 name=n note=NULL"));
}

TEST_F(ChangeDecoderTest, AValueWithoutAPlaceStopsItsTableAlone) {
  begin_users();
  take({relation_message(relation(kNotes, "notes")), insert_message(kNotes, {cell(1), cell("n"), null_cell()}),
        insert_message(kUsers, {cell("short"), cell("b"), null_cell()}),
        insert_message(kUsers, {cell(2), cell("b"), null_cell()}), commit_message(200, 210)});
  const auto got = lines();
  ASSERT_THAT(got, SizeIs(2));
  EXPECT_EQ(got[0], "insert id=1 name=n note=NULL");
  EXPECT_TRUE(got[1].starts_with("end users: schema_drift: cannot decode")) << got[1];
}

TEST_F(ChangeDecoderTest, LetsTheSourceCastWhatOnlyItCan) {
  auto& column = catalog_.tables[kUsers].attributes[2].column;
  column.cast_to_text = true;
  begin();
  begin_users();
  take({insert_message(kUsers, {cell(1), cell("a"), cell("x")}),
        update_message(kUsers, 0, {}, {cell(1), cell("b"), unchanged_cell()}),
        insert_message(kUsers, {cell(2), cell("c"), null_cell()}), commit_message(200, 210)});
  EXPECT_THAT(lines(), ElementsAre("insert id=1 name=a note=<x> superseded", "update id=1 name=b note=<x>",
                                   "insert id=2 name=c note=NULL"));
}

TEST_F(ChangeDecoderTest, ATableWhoseCastsTheSourceRefusesStopsAlone) {
  catalog_.tables[kUsers].attributes[2].column.cast_to_text = true;
  catalog_.cast_error = Error{ErrorCode::source_query_failed, "no such cast (SQLSTATE 42846)", {}, {}};
  begin();
  begin_users();
  take({insert_message(kUsers, {cell(1), cell("a"), cell("x")}), relation_message(relation(kNotes, "notes")),
        insert_message(kNotes, {cell(1), cell("n"), null_cell()}), commit_message(200, 210)});
  EXPECT_THAT(lines(), ElementsAre("insert id=1 name=n note=NULL",
                                   "end users: source_query_failed: no such cast (SQLSTATE 42846)"));
}

TEST_F(ChangeDecoderTest, APassingFailureOfACastIsTheStreamsError) {
  catalog_.tables[kUsers].attributes[2].column.cast_to_text = true;
  for (const Error& error :
       {Error{ErrorCode::source_connection_lost, "gone", {}, {}},
        Error{ErrorCode::source_auth_failed, "the password is another one", {}, {}},
        Error{ErrorCode::tls_certificate_invalid, "expired", {}, {}}, Error{ErrorCode::timeout, "slow", {}, {}},
        Error{ErrorCode::source_query_failed, "out of memory (SQLSTATE 53200)", {}, {}},
        Error{ErrorCode::source_query_failed, "cancelled by a person (SQLSTATE 57014)", {}, {}}}) {
    catalog_.cast_error = error;
    begin();
    begin_users();
    take({insert_message(kUsers, {cell(1), cell("a"), cell("x")}), commit_message(200, 210)});
    const Status flushed = decoder_->flush();
    ASSERT_FALSE(flushed) << error.message;
    EXPECT_EQ(flushed.error().code, error.code);
  }
}

TEST_F(ChangeDecoderTest, WhatWasBeforeATableWasExaminedIsNoConcernOfIt) {
  catalog_.tables[kUsers].log_end = Lsn{205};
  begin();
  auto renamed = relation(kUsers, "people");
  take({begin_message(200), relation_message(renamed), insert_message(kUsers, {cell(1), cell("a"), null_cell()}),
        truncate_message({kUsers}), commit_message(200, 204), begin_message(206),
        relation_message(relation(kUsers, "users")), insert_message(kUsers, {cell(2), cell("b"), null_cell()}),
        commit_message(206, 210)});
  EXPECT_THAT(lines(), ElementsAre("insert id=2 name=b note=NULL"));
}

TEST_F(ChangeDecoderTest, ADescriptionFromBeforeATableWasExaminedHoldsForLaterRows) {
  catalog_.tables[kUsers].log_end = Lsn{205};
  begin();
  take({begin_message(200), relation_message(relation(kUsers, "users")),
        insert_message(kUsers, {cell(1), cell("a"), null_cell()}), commit_message(200, 204), begin_message(206),
        insert_message(kUsers, {cell(2), cell("b"), null_cell()}), commit_message(206, 210)});
  EXPECT_THAT(lines(), ElementsAre("insert id=2 name=b note=NULL"));
}

TEST_F(ChangeDecoderTest, AnotherTableThatTookTheNameIsNotTheTable) {
  begin_users();
  take({relation_message(relation(99, "users")), insert_message(99, {cell(1), cell("a"), null_cell()}),
        commit_message(200, 210)});
  EXPECT_THAT(lines(), ElementsAre("end users: table_dropped"));
}

TEST_F(ChangeDecoderTest, MessagesOutOfPlaceAreErrors) {
  EXPECT_FALSE(decoder_->take(commit_message(200, 210)));
  begin();
  EXPECT_FALSE(decoder_->take(insert_message(1234, {cell(1)})));
  begin();
  take({begin_message(200)});
  EXPECT_FALSE(decoder_->take(begin_message(200)));
  begin();
  EXPECT_FALSE(decoder_->take(std::string("?")));
  EXPECT_FALSE(decoder_->take(std::string()));
}

TEST_F(ChangeDecoderTest, ARowOfAnotherWidthStopsItsTable) {
  begin_users();
  take({insert_message(kUsers, {cell(1)}), commit_message(200, 210)});
  EXPECT_TRUE(lines().at(0).starts_with("end users: internal"));
}

}  // namespace
}  // namespace weir::postgres
