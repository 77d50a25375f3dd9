/// For tests: a decoder over constructed messages, and catalogs that the test makes up.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <unistd.h>

#include "connectors/postgres/change_decoder.h"
#include "connectors/postgres/change_lines.h"
#include "connectors/postgres/pgoutput_fixture.h"
#include "connectors/postgres/type_oids.h"

namespace weir::postgres {

inline constexpr uint32_t kUsers = 42, kNotes = 43;

inline pgoutput::Relation relation(uint32_t oid, const std::string& name, char identity = 'd') {
  return {.oid = oid,
          .schema = "public",
          .name = name,
          .identity = identity,
          .columns = {{true, "id", oid::kInt8, -1},
                      {identity == 'f', "name", oid::kText, -1},
                      {identity == 'f', "note", oid::kText, -1}}};
}

inline AttributeFacts attribute(int16_t number, const std::string& name, uint32_t type, plan::Kind kind) {
  return {.source = {number, type, -1},
          .column = {.name = name, .type = {kind, 0, 0, {}}, .source_type = std::to_string(type)},
          .is_selectable = true};
}

inline TableFacts facts(uint32_t oid, const std::string& name) {
  return {.oid = oid,
          .name = {"public", name},
          .storage = oid,
          .last_number = 3,
          .may_select = true,
          .may_publish = true,
          .attributes = {attribute(1, "id", oid::kInt8, plan::Kind::int64),
                         attribute(2, "name", oid::kText, plan::Kind::text),
                         attribute(3, "note", oid::kText, plan::Kind::text)},
          .primary_key = {1},
          .identity_index = {}};
}

class FakeCatalog final : public ChangeCatalog {
 public:
  Result<std::optional<TableFacts>> table(uint32_t oid, uint32_t) override {
    asked++;
    const auto found = tables.find(oid);
    return found == tables.end() ? std::nullopt : std::optional(found->second);
  }
  Result<ColumnNumbers> column_numbers(uint32_t oid, uint32_t) override {
    ColumnNumbers numbers;
    for (const AttributeFacts& one : tables[oid].attributes) numbers.numbers[one.column.name] = one.source.number;
    numbers.storage = tables[oid].storage;
    return numbers;
  }
  Result<CastValues> cast(uint32_t, const plan::Column&, const RawValues& values) override {
    if (cast_error) return fail(*cast_error);
    CastValues cast;
    for (size_t i = 0; i < values.size(); i++) {
      if (values.form(i) == RawValues::Form::null) {
        cast.emplace_back();
      } else {
        cast.emplace_back("<" + std::string(values.bytes(i)) + ">");
      }
    }
    return cast;
  }

  std::map<uint32_t, TableFacts> tables;
  std::optional<Error> cast_error;
  int asked = 0;
};

class ChangeDecoderTest : public ::testing::Test {
 protected:
  ChangeDecoderTest() {
    catalog_.tables = {{kUsers, facts(kUsers, "users")}, {kNotes, facts(kNotes, "notes")}};
    limits_.age_max = std::chrono::milliseconds(0);
    begin();
  }
  ~ChangeDecoderTest() override {
    decoder_.reset();
    std::filesystem::remove_all(directory_);
  }

  void begin() {
    decoder_.reset();
    std::vector<FollowedTable> known;
    for (const auto& [oid, table] : catalog_.tables) known.push_back(known_table(judge(table).table, nullptr));
    auto streamed = StreamedTransactions::open(directory_, limits_.spill_memory_bytes);
    EXPECT_TRUE(streamed);
    decoder_ = std::make_unique<ChangeDecoder>(std::move(known), Lsn{100}, limits_, std::move(*streamed), catalog_,
                                               [this](connector::ChangeGroup group) -> Status {
                                                 groups_.push_back(std::move(group));
                                                 return {};
                                               });
  }

  void take(const std::vector<std::string>& messages) {
    for (const std::string& message : messages) {
      const Status taken = decoder_->take(message);
      ASSERT_TRUE(taken) << taken.error().to_string();
    }
  }
  /// The lines of what was handed over, after a flush.
  std::vector<std::string> lines() {
    EXPECT_TRUE(decoder_->flush());
    std::vector<std::string> lines;
    for (connector::ChangeGroup& group : groups_) {
      for (connector::Change& change : group.changes) {
        for (std::string& line : lines_of(change)) lines.push_back(std::move(line));
      }
    }
    groups_.clear();
    return lines;
  }
  void begin_users() { take({begin_message(200), relation_message(relation(kUsers, "users"))}); }

  const std::filesystem::path directory_ =
      std::filesystem::temp_directory_path() / ("weir_decoder_test_" + std::to_string(getpid()));
  FakeCatalog catalog_;
  connector::GroupLimits limits_;
  std::unique_ptr<ChangeDecoder> decoder_;
  std::vector<connector::ChangeGroup> groups_;
};

}  // namespace weir::postgres
