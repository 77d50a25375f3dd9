#include "lake/lake.h"

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir::lake {
namespace {

namespace fs = std::filesystem;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;

/// Remembers its statements; those with `fails_on` in them fail with `failure`.
class RecordingSession : public SqlSession {
 public:
  Status run(std::string_view sql) override {
    statements.emplace_back(sql);
    if (!fails_on.empty() && sql.find(fails_on) != std::string_view::npos) return fail(failure);
    return {};
  }
  Result<std::vector<std::vector<std::string>>> rows(std::string_view sql) override {
    WEIR_TRY(run(sql));
    return std::vector<std::vector<std::string>>{};
  }
  Result<uint64_t> change(std::string_view sql) override {
    WEIR_TRY(run(sql));
    return uint64_t{0};
  }
  Status show(std::string_view, const batch::OwnedSchema&, const batch::OwnedArray&) override { return {}; }
  void interrupt() override {}

  std::vector<std::string> statements;
  std::string fails_on;
  Error failure;
};

class LakeTest : public testing::Test {
 protected:
  LakeTest() {
    std::string name = fs::temp_directory_path() / "weir-lake-XXXXXX";
    root_ = ::mkdtemp(name.data());
    std::ofstream(extension()) << "x";
    open("it's here");
  }
  ~LakeTest() override { fs::remove_all(root_); }

  fs::path extension() const { return root_ / "ducklake.duckdb_extension"; }
  void open(const std::string& name) {
    directory_.reset();
    directory_ = DataDirectory::open(root_ / name, "").value();
  }
  Error attach_failing_with(const std::string& text) {
    session_.fails_on = "ATTACH";
    session_.failure = {ErrorCode::io_error, text, "", ""};
    const auto attached = attach(session_, *directory_, extension());
    return attached ? Error{} : attached.error();
  }

  fs::path root_;
  std::unique_ptr<DataDirectory> directory_;
  RecordingSession session_;
};

TEST_F(LakeTest, QuotesPaths) {
  ASSERT_TRUE(attach(session_, *directory_, extension()));
  EXPECT_THAT(session_.statements, Contains(HasSubstr("ATTACH 'ducklake:" + fs::canonical(root_).string() +
                                                      "/it''s here/catalog.ducklake' AS weir (DATA_PATH '")));
}

TEST_F(LakeTest, CreatesACatalogOnlyWhereNoneWas) {
  ASSERT_TRUE(attach(session_, *directory_, extension()));
  EXPECT_THAT(session_.statements, Not(Contains(HasSubstr("CREATE_IF_NOT_EXISTS false"))));
  EXPECT_THAT(session_.statements, Contains(HasSubstr("set_option('data_inlining_row_limit', 0)")));

  std::ofstream(directory_->catalog_file()) << "x";
  open("it's here");
  session_.statements.clear();
  ASSERT_TRUE(attach(session_, *directory_, extension()));
  EXPECT_THAT(session_.statements, Contains(HasSubstr("CREATE_IF_NOT_EXISTS false")));
  EXPECT_THAT(session_.statements, Not(Contains(HasSubstr("set_option"))));
}

TEST_F(LakeTest, IsNotCreatedWhenItsFirstAttachFails) {
  EXPECT_EQ(attach_failing_with("IO Error: something").code, ErrorCode::io_error);
  open("it's here");
  EXPECT_FALSE(directory_->has_lake());
}

TEST_F(LakeTest, NamesTheExtensionThatIsMissing) {
  const auto attached = attach(session_, *directory_, root_ / "none");
  ASSERT_FALSE(attached);
  EXPECT_EQ(attached.error().code, ErrorCode::io_error);
  EXPECT_THAT(attached.error().message, HasSubstr((root_ / "none").string()));
}

TEST_F(LakeTest, TellsDamageFromOtherErrors) {
  const auto error = attach_failing_with("Corrupt database file: computed checksum 1 does not match stored checksum 2");
  EXPECT_EQ(error.code, ErrorCode::data_dir_damaged);
  EXPECT_THAT(error.message, HasSubstr("computed checksum 1"));
}

TEST_F(LakeTest, TellsANewerCatalog) {
  EXPECT_EQ(attach_failing_with("DuckLake catalog version mismatch: catalog version is 1.1, but").code,
            ErrorCode::data_dir_version);
}

TEST_F(LakeTest, TellsAFullDiskAndNamesIt) {
  const auto error = attach_failing_with("Could not write file \"c\": No space left on device");
  EXPECT_EQ(error.code, ErrorCode::disk_full);
  EXPECT_THAT(error.message, HasSubstr(directory_->path().string()));
}

TEST_F(LakeTest, TellsACatalogThatAnotherProgramHasOpen) {
  EXPECT_EQ(attach_failing_with("Could not set lock on file \"c\": Conflicting lock is held").code,
            ErrorCode::data_dir_locked);
}

}  // namespace
}  // namespace weir::lake
