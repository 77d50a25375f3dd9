/// Groups of changes from transactions that were sent while they were in progress.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "connectors/postgres/change_decoder_fixture.h"

namespace weir::postgres {
namespace {

using ::testing::ElementsAre;

using StreamedChangesTest = ChangeDecoderTest;

TEST_F(StreamedChangesTest, StreamedTransactionsWaitForTheirCommit) {
  take({stream_start_message(8), relation_message(relation(kUsers, "users"), 8),
        insert_message(kUsers, {cell(1), cell("a"), null_cell()}, 8),
        insert_message(kUsers, {cell(2), cell("rolled back"), null_cell()}, 9), stream_stop_message(),
        stream_start_message(20), relation_message(relation(kUsers, "users"), 20),
        insert_message(kUsers, {cell(3), cell("other"), null_cell()}, 20), stream_stop_message(),
        stream_abort_message(8, 9), stream_start_message(8),
        insert_message(kUsers, {cell(4), cell("b"), null_cell()}, 8), stream_stop_message(), begin_message(200),
        relation_message(relation(kUsers, "users")), insert_message(kUsers, {cell(5), cell("small"), null_cell()}),
        commit_message(200, 210)});
  EXPECT_THAT(lines(), ElementsAre("insert id=5 name=small note=NULL"));
  take({stream_commit_message(8, 220, 230), stream_abort_message(20, 20)});
  EXPECT_TRUE(decoder_->flush());
  EXPECT_EQ(groups_.at(0).position, to_position(Lsn{230}));
  EXPECT_THAT(lines(), ElementsAre("insert id=1 name=a note=NULL", "insert id=4 name=b note=NULL"));
}

TEST_F(StreamedChangesTest, ADescriptionThatWasRolledBackHoldsForTheRowsThatFollow) {
  take({stream_start_message(8), relation_message(relation(kUsers, "users"), 9),
        insert_message(kUsers, {cell(1), cell("rolled back"), null_cell()}, 9), stream_stop_message(),
        stream_abort_message(8, 9), stream_start_message(8),
        insert_message(kUsers, {cell(2), cell("a"), null_cell()}, 8), stream_stop_message(),
        stream_commit_message(8, 220, 230)});
  EXPECT_THAT(lines(), ElementsAre("insert id=2 name=a note=NULL"));
}

TEST_F(StreamedChangesTest, ADescriptionThatWasRolledBackHoldsForLaterTransactions) {
  take({stream_start_message(8), relation_message(relation(kUsers, "users"), 9),
        relation_message(relation(kNotes, "notes"), 9), stream_stop_message(), stream_abort_message(8, 9),
        stream_commit_message(8, 220, 230), begin_message(240), truncate_message({kNotes}),
        insert_message(kUsers, {cell(2), cell("a"), null_cell()}), commit_message(240, 250)});
  EXPECT_THAT(lines(), ElementsAre("truncate notes", "insert id=2 name=a note=NULL"));
}

TEST_F(StreamedChangesTest, ADescriptionThatWasRolledBackYieldsToANewerOne) {
  auto after = relation(kUsers, "users");
  after.columns[1].name = "full_name";
  take({stream_start_message(8), relation_message(relation(kUsers, "users"), 9), stream_stop_message(),
        stream_abort_message(8, 9)});
  catalog_.tables[kUsers].attributes[1].column.name = "full_name";
  take({begin_message(200), relation_message(after), insert_message(kUsers, {cell(1), cell("a"), null_cell()}),
        commit_message(200, 210), stream_commit_message(8, 220, 230), begin_message(240),
        insert_message(kUsers, {cell(2), cell("b"), null_cell()}), commit_message(240, 250)});
  EXPECT_THAT(lines(), ElementsAre("schema users name->full_name", "insert id=1 full_name=a note=NULL",
                                   "insert id=2 full_name=b note=NULL"));
}

}  // namespace
}  // namespace weir::postgres
