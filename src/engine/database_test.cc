/// The doors of the DuckDB instance, tried past the allow-list.
#include "engine/database.h"

#include <duckdb/main/extension/extension_loader.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/duck_session.h"

namespace weir::engine {
namespace {

using ::testing::HasSubstr;

/// SELECT defect(): fails as DuckDB's own code does when it meets what cannot be.
void defect(duckdb::DataChunk&, duckdb::ExpressionState&, duckdb::Vector&) {
  throw duckdb::InternalException("cannot be");
}

class DatabaseTest : public ::testing::Test {
 protected:
  DatabaseTest() {
    std::string name = std::filesystem::temp_directory_path() / "weir-database-XXXXXX";
    root_ = ::mkdtemp(name.data());
    directory_ = lake::DataDirectory::open(root_ / "data", "").value();
    EngineOptions options;
    options.ducklake_extension = WEIR_DUCKLAKE_EXTENSION;
    auto register_setting = [](duckdb::DatabaseInstance& instance) {
      auto& config = duckdb::DBConfig::GetConfig(instance);
      for (const char* setting : {"weir_pushdown", "weir_dynamic_filter"}) {
        config.AddExtensionOption(setting, "", duckdb::LogicalType::BOOLEAN, duckdb::Value::BOOLEAN(true));
      }
      duckdb::ScalarFunction function("defect", {}, duckdb::LogicalType::INTEGER, defect);
      function.SetVolatile();
      duckdb::ExtensionLoader(instance, "weir_test").RegisterFunction(function);
    };
    database_ = Database::open(options, *directory_, register_setting).value();
  }
  ~DatabaseTest() override {
    database_.reset();
    std::filesystem::remove_all(root_);
  }
  /// As the engine itself, held to no allow-list.
  Status run(const std::string& sql) {
    duckdb::Connection connection(database_->duck());
    return DuckSession(connection).run(sql);
  }

  std::filesystem::path root_;
  std::unique_ptr<lake::DataDirectory> directory_;
  std::unique_ptr<Database> database_;
};

TEST(CheckLibrary, refuses_any_other_than_weir_was_built_for) {
  EXPECT_TRUE(check_library(duckdb::DuckDB::SourceID()));
  const auto refused = check_library("0123456789");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::internal);
  EXPECT_THAT(refused.error().message, HasSubstr("source id is 0123456789, built for"));
  EXPECT_THAT(refused.error().hint, HasSubstr("libduckdb.so"));
}

TEST_F(DatabaseTest, reads_no_file_outside_the_data_directory) {
  EXPECT_FALSE(run("SELECT * FROM read_text('/etc/passwd')"));
  EXPECT_FALSE(run("COPY (SELECT 1) TO '" + (root_ / "x.csv").string() + "'"));
  EXPECT_FALSE(run("ATTACH '" + (root_ / "x.db").string() + "' AS other"));
}

TEST_F(DatabaseTest, loads_no_extension_and_changes_no_setting) {
  EXPECT_FALSE(run("INSTALL httpfs"));
  EXPECT_FALSE(run("LOAD httpfs"));
  EXPECT_FALSE(run("SET GLOBAL enable_external_access = true"));
  EXPECT_FALSE(run("SET GLOBAL lock_configuration = false"));
  EXPECT_FALSE(run("SET threads = 1"));
  EXPECT_TRUE(run("SET weir_pushdown = false"));
}

TEST_F(DatabaseTest, still_writes_and_reads_the_lake) {
  EXPECT_TRUE(run("CREATE TABLE weir.main.a AS SELECT * FROM range(10)"));
  EXPECT_TRUE(run("SELECT * FROM weir.main.a"));
}

TEST_F(DatabaseTest, runs_nothing_after_a_defect_and_says_what_to_do) {
  const auto met = run("SELECT defect() FROM range(3)");
  ASSERT_FALSE(met);
  EXPECT_EQ(met.error().code, ErrorCode::internal);
  EXPECT_THAT(met.error().message, HasSubstr("cannot be"));
  EXPECT_THAT(met.error().hint, HasSubstr("restart Weir"));
  EXPECT_TRUE(duckdb::ValidChecker::IsInvalidated(database_->instance()));
  const auto next = run("SELECT 1");
  ASSERT_FALSE(next);
  EXPECT_EQ(next.error().code, ErrorCode::engine_stopped) << next.error().to_string();
}

TEST_F(DatabaseTest, names_its_library) { EXPECT_THAT(library_version(), HasSubstr("d8cdaa33fd")); }

}  // namespace
}  // namespace weir::engine
