/// A whole engine for tests: a real lake in a directory of its own and one connector, `shop`, whose source a test
/// feeds.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <arrow/api.h>
#include <arrow/c/bridge.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/engine.h"
#include "engine/remote_test_database.h"
#include "engine/remote_test_source.h"
#include "state/store.h"

namespace weir::engine::testing {

/// What a query answered, as text: NULL is "NULL", columns are joined by '|'.
struct TextAnswer {
  std::vector<ResultColumn> columns;
  std::vector<std::string> rows;
  std::vector<std::string> arrow_types;
  Error error{ErrorCode::internal, {}, {}, {}};
  bool ok = true;
  QuerySummary summary;

  std::string code() const { return ok ? "ok" : std::string(describe(error.code).name); }
};

inline TextAnswer read_all(Result<std::unique_ptr<Query>> started) {
  TextAnswer answer;
  auto failed = [&](const Error& error) {
    answer.ok = false;
    answer.error = error;
    return answer;
  };
  if (!started) return failed(started.error());
  Query& query = **started;
  answer.columns = query.columns();
  auto schema = query.schema();
  if (!schema) return failed(schema.error());
  auto imported = arrow::ImportSchema(schema->get()).ValueOrDie();
  for (const auto& field : imported->fields()) answer.arrow_types.push_back(field->type()->ToString());
  while (true) {
    auto batch = query.next();
    if (!batch) {
      answer.summary = query.summary();
      return failed(batch.error());
    }
    if (!*batch) break;
    auto rows = arrow::ImportRecordBatch((*batch)->get(), imported).ValueOrDie();
    for (int64_t row = 0; row < rows->num_rows(); ++row) {
      std::string line;
      for (int column = 0; column < rows->num_columns(); ++column) {
        auto value = rows->column(column)->GetScalar(row).ValueOrDie();
        line += (column == 0 ? "" : "|") + (value->is_valid ? value->ToString() : std::string("NULL"));
      }
      answer.rows.push_back(std::move(line));
    }
  }
  answer.summary = query.summary();
  return answer;
}

class EngineTest : public ::testing::Test {
 protected:
  EngineTest() {
    std::string name = std::filesystem::temp_directory_path() / "weir-engine-XXXXXX";
    root_ = ::mkdtemp(name.data());
    std::filesystem::create_directory(root_ / "files");
    source_ = std::make_shared<TestSource>(trusting_capabilities());
    source_->put(users_table(4));
  }
  ~EngineTest() override {
    engine_.reset();
    fleet_.reset();
    std::filesystem::remove_all(root_);
  }

  void SetUp() override { open(); }

  /// Opens the engine; tests that need other options call it again.
  void open() {
    engine_.reset();
    fleet_.reset();
    directory_.reset();
    directory_ = lake::DataDirectory::open(root_ / "data", "").value();
    store_ = state::Store::open(directory_->state_file()).value();
    fleet_ = std::make_unique<connector::Fleet>(registry_, secrets_, *store_, metrics_);
    committer_ = std::make_unique<lake::Committer>(lake::CommitterOptions{}, directory_->extents(), metrics_);
    options_.ducklake_extension = WEIR_DUCKLAKE_EXTENSION;
    options_.threads = 2;
    auto opened = Engine::open(options_, *directory_, *fleet_, *committer_, metrics_);
    ASSERT_TRUE(opened) << opened.error().to_string();
    engine_ = std::move(*opened);
    if (!fleet_->get("shop")) {
      auto saved = fleet_->create({{"name", "shop"}, {"type", "test"}});
      ASSERT_TRUE(saved) << saved.error().to_string();
    }
  }

  std::filesystem::path file(const std::string& name) const { return root_ / "files" / name; }
  void write_file(const std::string& name, const std::string& text) { std::ofstream(file(name)) << text; }

  QueryRequest request(const std::string& sql) const {
    QueryRequest request;
    request.text = sql;
    request.principal = principal_;
    return request;
  }
  TextAnswer ask(const std::string& sql) { return read_all(engine_->start(request(sql))); }
  TextAnswer ask(const std::string& sql, nlohmann::json params) {
    auto with_values = request(sql);
    with_values.params = std::move(params);
    return read_all(engine_->start(with_values));
  }
  /// For statements that must succeed.
  std::vector<std::string> rows(const std::string& sql) {
    auto answer = ask(sql);
    EXPECT_TRUE(answer.ok) << sql << ": " << answer.error.to_string();
    return answer.rows;
  }
  Error error_of(const std::string& sql) {
    auto answer = ask(sql);
    EXPECT_FALSE(answer.ok) << sql;
    return answer.error;
  }

  static const options::Group& declared() {
    static const options::Group group{"connector", "A connector of tests.", connector::identity_options()};
    return group;
  }

  std::filesystem::path root_;
  std::shared_ptr<TestSource> source_;
  connector::Registry registry_{
      {connector::Type{.name = "test",
                       .description = "A source that a test feeds.",
                       .modes = {connector::Mode::federation},
                       .declared = declared,
                       .open = [this](const connector::Spec&, const options::SecretResolver&)
                           -> Result<std::shared_ptr<connector::Source>> { return source_; }}}};
  options::SecretResolver secrets_;
  telemetry::Metrics metrics_;
  EngineOptions options_;
  Principal principal_;
  std::unique_ptr<lake::DataDirectory> directory_;
  std::unique_ptr<state::Store> store_;
  std::unique_ptr<connector::Fleet> fleet_;
  std::unique_ptr<lake::Committer> committer_;
  std::unique_ptr<Engine> engine_;
};

}  // namespace weir::engine::testing
