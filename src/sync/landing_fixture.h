/// A landing over a real engine, and changes written by hand, for tests.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sync/changes_fixture.h"
#include "sync/copy_sql.h"
#include "sync/engine_fixture.h"
#include "sync/landing.h"

namespace weir::sync::testing {

class LandingTest : public ::testing::Test {
 protected:
  explicit LandingTest(LandingKind kind = LandingKind::hot) {
    options_.kind = kind;
    std::string name = std::filesystem::temp_directory_path() / "weir-landing-XXXXXX";
    root_ = ::mkdtemp(name.data());
  }
  ~LandingTest() override {
    close();
    std::filesystem::remove_all(root_);
  }
  void SetUp() override { open(); }

  void close() {
    landings_.clear();
    engine_.reset();
  }
  /// Opens engine and landing; what was open is closed before.
  void open() {
    close();
    engine_ = std::make_unique<TestEngine>(root_ / "data");
    landing();
  }
  Result<std::unique_ptr<Landing>> try_landing(const std::string& connector = "pg") {
    return engine_->open_landing(connector, options_);
  }
  Landing& landing(const std::string& connector = "pg") {
    auto& slot = landings_[connector];
    if (!slot) slot = try_landing(connector).value();
    return *slot;
  }

  /// A copy that is complete; its snapshot at commit 10 has `rows` = "(1, 'a', 'A'), …".
  void copy(const ChangeTablePtr& table, const std::string& rows = "", const std::string& connector = "pg") {
    auto& to = landing(connector);
    ok(to.prepare(table));
    ok(to.snapshot_begins(table->name, position_of(10), {}));
    load(table, rows, connector);
    ok(to.complete(table->name));
  }
  void load(const ChangeTablePtr& table, const std::string& rows, const std::string& connector = "pg") {
    std::string names;
    for (const auto& column : table->columns) names += (names.empty() ? "" : ", ") + identifier(column.name);
    const auto scan = rows.empty() ? "(SELECT NULL::BIGINT AS id, ''::VARCHAR AS note, ''::VARCHAR AS big WHERE false)"
                                   : "(SELECT * FROM (VALUES " + rows + ") v(" + names + "))";
    const auto loaded = landing(connector).load(table->name, scan, {});
    ASSERT_TRUE(loaded) << loaded.error().to_string();
  }
  Status try_commit(uint64_t commit, std::vector<connector::Change> changes, const std::string& connector = "pg") {
    auto& to = landing(connector);
    WEIR_TRY(to.begin());
    for (const auto& change : changes) {
      if (auto done = to.apply(change); !done) {
        to.roll_back();
        return done;
      }
    }
    return to.commit({position_of(commit), "system/1", {}});
  }
  template <typename... Changes>
  void commit(uint64_t commit, Changes&&... changes) {
    std::vector<connector::Change> all;
    (all.emplace_back(std::forward<Changes>(changes)), ...);
    ok(try_commit(commit, std::move(all)));
  }
  uint64_t fold(const std::string& connector = "pg") {
    auto moved = landing(connector).fold(true, {});
    EXPECT_TRUE(moved) << moved.error().to_string();
    return moved.value_or(0);
  }
  static void ok(const Status& status) {
    ASSERT_TRUE(status) << status.error().to_string() << " " << status.error().hint;
  }

  std::vector<std::string> rows(const std::string& sql) {
    auto answer = engine_->session->rows(sql);
    EXPECT_TRUE(answer) << sql << ": " << answer.error().to_string();
    std::vector<std::string> lines;
    for (const auto& row : answer.value_or(std::vector<std::vector<std::string>>{})) {
      std::string line;
      for (const auto& value : row) line += (line.empty() ? "" : "|") + (value.empty() ? std::string("-") : value);
      lines.push_back(line);
    }
    return lines;
  }
  LandedTable landed(const std::string& name = "notes", const std::string& connector = "pg") {
    for (const auto& table : landing(connector).tables()) {
      if (table.table->name.table == name) return table;
    }
    throw std::runtime_error("no table " + name);
  }
  /// The copy as readers see it.
  std::vector<std::string> contents(
      const std::string& name = "notes",
      const std::string& select = "* EXCLUDE (_kyma_pk, _kyma_op, _kyma_lsn, _kyma_event_at)",
      CopyView view = CopyView::current, const std::string& connector = "pg") {
    const auto seen = landed(name, connector);
    const auto sql = copy_view_sql(connector, *seen.table, view, {.hot = is_hot(), .tombstones = seen.tombstones});
    return rows("SELECT " + select + " FROM (" + sql + ") ORDER BY ALL");
  }

  bool is_hot() const { return options_.kind == LandingKind::hot; }

  std::filesystem::path root_;
  LandingOptions options_;
  std::unique_ptr<TestEngine> engine_;
  std::map<std::string, std::unique_ptr<Landing>> landings_;
};

/// For what holds whichever way changes land.
class LandingsTest : public LandingTest, public ::testing::WithParamInterface<LandingKind> {
 protected:
  LandingsTest() : LandingTest(GetParam()) {}
};

inline std::string name_of(const ::testing::TestParamInfo<LandingKind>& info) {
  return info.param == LandingKind::hot ? "hot" : "direct";
}

}  // namespace weir::sync::testing
