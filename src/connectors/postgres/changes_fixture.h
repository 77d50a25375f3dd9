/// For tests with a live PostgreSQL: a live copy as the one who lands it sees it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "connector/changes.h"
#include "connectors/postgres/change_lines.h"
#include "connectors/postgres/source_fixture.h"

namespace weir::postgres {

/// A test with a schema and a connector of its own; slot and publication are gone afterwards.
class ChangesTest : public SourceTest {
 protected:
  using milliseconds = std::chrono::milliseconds;

  void SetUp() override {
    SourceTest::SetUp();
    if (witness_ == nullptr) return;
    source_ = open();
    changes_ = source_->changes();
    ASSERT_NE(changes_, nullptr);
    const Status forgotten = changes_->forget();
    ASSERT_TRUE(forgotten) << forgotten.error().to_string();
  }
  void TearDown() override {
    stream_.reset();
    if (changes_ != nullptr) {
      const Status forgotten = changes_->forget();
      EXPECT_TRUE(forgotten) << forgotten.error().to_string();
    }
    SourceTest::TearDown();
  }

  std::string table(const std::string& name) const { return schema_ + "." + name; }

  /// Publishes the tables, makes the slot, and streams from there.
  void follow(const std::vector<std::string>& names, connector::GroupLimits limits = quick()) {
    tables_.clear();
    std::vector<plan::TableName> wanted;
    for (const std::string& name : names) wanted.push_back({schema_, name});
    auto candidates = changes_->examine(wanted);
    ASSERT_TRUE(candidates) << candidates.error().to_string();
    for (const auto& candidate : *candidates) {
      ASSERT_TRUE(candidate.table) << candidate.stop->reason;
      tables_.push_back(candidate.table);
    }
    const Status published = changes_->publish(wanted);
    ASSERT_TRUE(published) << published.error().to_string();
    auto point = changes_->follow();
    ASSERT_TRUE(point) << point.error().to_string();
    position_ = (*point)->position();
    reopen(limits);
  }

  static connector::GroupLimits quick() {
    connector::GroupLimits limits;
    limits.age_max = milliseconds(5);
    return limits;
  }

  void reopen(connector::GroupLimits limits = quick()) {
    stream_.reset();
    auto opened = changes_->stream(position_, tables_, limits);
    ASSERT_TRUE(opened) << opened.error().to_string();
    stream_ = std::move(*opened);
  }

  /// Lands one group: keeps the newest form of each table, and the position. Answers its lines.
  std::vector<std::string> land(connector::ChangeGroup group) {
    std::vector<std::string> lines;
    for (connector::Change& change : group.changes) {
      if (const auto* schema = std::get_if<connector::SchemaChange>(&change)) {
        for (auto& known : tables_) {
          if (known == schema->before) known = schema->after;
        }
      }
      for (std::string& line : lines_of(change)) lines.push_back(std::move(line));
    }
    if (group.complete) {
      EXPECT_GE(group.position, position_);
      position_ = group.position;
      stream_->confirm(position_);
    }
    return lines;
  }

  /// The lines of all groups until at least `count` have come.
  std::vector<std::string> read_lines(size_t count, milliseconds limit = milliseconds(20'000)) {
    std::vector<std::string> lines;
    const auto deadline = std::chrono::steady_clock::now() + limit;
    bool complete = true;
    while (lines.size() < count || !complete) {
      auto group = stream_->next(milliseconds(100));
      if (!group) {
        ADD_FAILURE() << group.error().to_string();
        break;
      }
      if (std::chrono::steady_clock::now() > deadline) {
        ADD_FAILURE() << "only " << lines.size() << " changes of " << count << " came";
        break;
      }
      if (!*group) continue;
      complete = (*group)->complete;
      for (std::string& line : land(std::move(**group))) lines.push_back(std::move(line));
    }
    return lines;
  }

  std::shared_ptr<connector::Source> source_;
  std::shared_ptr<connector::ChangeSource> changes_;
  std::vector<connector::ChangeTablePtr> tables_;
  connector::Position position_;
  std::unique_ptr<connector::ChangeStream> stream_;
};

}  // namespace weir::postgres
