#include "connectors/postgres/pgoutput_message.h"

#include <random>
#include <string_view>

#include <gtest/gtest.h>

#include "connectors/postgres/pgoutput_fixture.h"

namespace weir::postgres::pgoutput {
namespace {

Body body_of(const std::string& message) { return Body(message).subspan(1); }

Relation users() {
  return {.oid = 42,
          .schema = "public",
          .name = "users",
          .identity = 'd',
          .columns = {{true, "id", 20, -1}, {false, "name", 25, -1}}};
}

/// Every parser, for inputs that need not fit.
void parse_as_anything(Body body) {
  Row row;
  static_cast<void>(parse_begin(body));
  static_cast<void>(parse_commit(body));
  static_cast<void>(parse_relation(body));
  for (const Kind kind : {Kind::insert, Kind::update, Kind::remove}) static_cast<void>(parse_row(kind, body, row));
  static_cast<void>(parse_truncate(body));
  static_cast<void>(parse_stream_start(body));
  static_cast<void>(parse_stream_commit(body));
  static_cast<void>(parse_stream_abort(body));
  static_cast<void>(parse_wal_data(body));
  static_cast<void>(parse_keep_alive(body));
}

std::vector<std::string> all_messages() {
  return {begin_message(5, 6, 7),
          commit_message(5, 6, 7),
          relation_message(users()),
          insert_message(42, {cell(1), null_cell()}),
          update_message(42, 'K', {cell(1), null_cell()}, {cell(2), unchanged_cell()}),
          update_message(42, 0, {}, {cell(2), unchanged_cell()}),
          delete_message(42, 'O', {cell(1), cell("a")}),
          truncate_message({42, 43}),
          stream_start_message(9),
          stream_commit_message(9, 5, 6),
          stream_abort_message(9, 10)};
}

TEST(PgoutputMessage, ReadsATransactionsFrame) {
  const auto begin = parse_begin(body_of(begin_message(0x1234, 99, 7)));
  ASSERT_TRUE(begin);
  EXPECT_EQ(begin->commit.value, 0x1234u);
  EXPECT_EQ(begin->committed_at, 99);
  EXPECT_EQ(begin->xid, 7u);
  const auto commit = parse_commit(body_of(commit_message(0x1234, 0x1300, 99)));
  ASSERT_TRUE(commit);
  EXPECT_EQ(commit->commit.value, 0x1234u);
  EXPECT_EQ(commit->end.value, 0x1300u);
}

TEST(PgoutputMessage, ReadsARelation) {
  const auto relation = parse_relation(body_of(relation_message(users())));
  ASSERT_TRUE(relation) << relation.error().to_string();
  EXPECT_EQ(*relation, users());
}

TEST(PgoutputMessage, ReadsAnUpdateWithTheOldKey) {
  Row row;
  const std::string message = update_message(42, 'K', {cell(1), null_cell()}, {cell(2), unchanged_cell()});
  ASSERT_TRUE(parse_row(Kind::update, body_of(message), row));
  EXPECT_EQ(row.relation, 42u);
  EXPECT_EQ(row.old_form, 'K');
  ASSERT_EQ(row.old_row.size(), 2u);
  EXPECT_EQ(std::string_view(row.old_row[0].data, 8), int8_bytes(1));
  EXPECT_EQ(row.old_row[1].form, Value::Form::null);
  ASSERT_EQ(row.new_row.size(), 2u);
  EXPECT_EQ(row.new_row[1].form, Value::Form::unchanged);
}

TEST(PgoutputMessage, ForgetsTheOldRowOfTheMessageBefore) {
  Row row;
  ASSERT_TRUE(parse_row(Kind::update, body_of(update_message(42, 'O', {cell(1)}, {cell(2)})), row));
  ASSERT_TRUE(parse_row(Kind::insert, body_of(insert_message(42, {cell(3)})), row));
  EXPECT_EQ(row.old_form, 0);
  EXPECT_TRUE(row.old_row.empty());
}

TEST(PgoutputMessage, EveryMessageThatEndsTooEarlyIsAnError) {
  for (const std::string& message : all_messages()) {
    const auto parse = [&](Body body) -> Status {
      Row row;
      switch (static_cast<Kind>(message.front())) {
        case Kind::begin:
          WEIR_TRY(parse_begin(body));
          return {};
        case Kind::commit:
          WEIR_TRY(parse_commit(body));
          return {};
        case Kind::relation:
          WEIR_TRY(parse_relation(body));
          return {};
        case Kind::truncate:
          WEIR_TRY(parse_truncate(body));
          return {};
        case Kind::stream_start:
          WEIR_TRY(parse_stream_start(body));
          return {};
        case Kind::stream_commit:
          WEIR_TRY(parse_stream_commit(body));
          return {};
        case Kind::stream_abort:
          WEIR_TRY(parse_stream_abort(body));
          return {};
        default:
          return parse_row(static_cast<Kind>(message.front()), body, row);
      }
    };
    const Body whole = body_of(message);
    EXPECT_TRUE(parse(whole)) << message.front();
    for (size_t length = 0; length + 1 < whole.size(); length++) {
      // A copy of its own, so that a sanitizer sees a read behind the end.
      const std::vector<char> cut(whole.begin(), whole.begin() + static_cast<int64_t>(length));
      EXPECT_FALSE(parse(cut)) << message.front() << " of " << length << " bytes";
    }
  }
}

TEST(PgoutputMessage, BytesOfAnyKindAreNeverReadBeyondTheirEnd) {
  std::mt19937 random(20261121);
  for (int round = 0; round < 20'000; round++) {
    const auto messages = all_messages();
    const std::string& message = messages[random() % messages.size()];
    std::vector<char> bytes(message.begin() + 1, message.end());
    for (size_t changes = random() % 4; changes > 0 && !bytes.empty(); changes--) {
      bytes[random() % bytes.size()] = static_cast<char>(random());
    }
    if (random() % 3 == 0) bytes.resize(random() % (bytes.size() + 1));
    parse_as_anything(bytes);
  }
}

TEST(PgoutputMessage, NamesKindAndPlaceOfWhatIsMalformed) {
  const auto begin = parse_begin(Body());
  ASSERT_FALSE(begin);
  EXPECT_EQ(begin.error().code, ErrorCode::internal);
  EXPECT_NE(begin.error().message.find("'B'"), std::string::npos) << begin.error().message;
}

TEST(Lsn, HasTwoTexts) {
  const auto lsn = lsn_of("16/B374D848");
  ASSERT_TRUE(lsn);
  EXPECT_EQ(to_position(*lsn), "00000016B374D848");
  EXPECT_EQ(to_text(*lsn), "16/B374D848");
  EXPECT_EQ(lsn_at("00000016B374D848")->value, lsn->value);
  EXPECT_EQ(lsn_at("")->value, 0u);
  EXPECT_FALSE(lsn_at("16/B374D848"));
  for (const char* text : {"", "16", "/", "16/", "16/B374D8481", "x/1", "1/ 1"}) EXPECT_FALSE(lsn_of(text)) << text;
}

}  // namespace
}  // namespace weir::postgres::pgoutput
