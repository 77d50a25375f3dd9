#include "lake/data_directory.h"

#include <cstdlib>
#include <fstream>
#include <vector>

#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace weir::lake {
namespace {

namespace fs = std::filesystem;

class DataDirectoryTest : public testing::Test {
 protected:
  DataDirectoryTest() {
    std::string name = fs::temp_directory_path() / "weir-data-directory-XXXXXX";
    root_ = ::mkdtemp(name.data());
    path_ = root_ / "data";
  }
  ~DataDirectoryTest() override { fs::remove_all(root_); }

  Result<std::unique_ptr<DataDirectory>> open(const std::string& address = "") {
    return DataDirectory::open(path_, address);
  }
  ErrorCode code_of_open() {
    const auto directory = open();
    return directory ? ErrorCode::internal : directory.error().code;
  }
  /// A directory that has had a catalog.
  void make_used() {
    const auto directory = open().value();
    write(directory->catalog_file(), "catalog");
    ASSERT_TRUE(directory->lake_created());
  }
  static void write(const fs::path& file, const std::string& text) { std::ofstream(file) << text; }
  static std::string read(const fs::path& file) {
    std::ifstream in(file);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  fs::path root_, path_;
};

TEST_F(DataDirectoryTest, CreatesWhatIsMissingForItsOwnerOnly) {
  const auto directory = open().value();
  EXPECT_EQ(fs::status(path_).permissions(), fs::perms::owner_all);
  EXPECT_TRUE(fs::is_directory(directory->extents()));
  EXPECT_TRUE(fs::is_directory(directory->spill()));
  EXPECT_EQ(read(path_ / "version"), "1 new\n");
  EXPECT_FALSE(directory->has_lake());
}

TEST_F(DataDirectoryTest, ClosesAnEmptyDirectoryThatWasMadeBeforehand) {
  fs::create_directory(path_);
  fs::permissions(path_, fs::perms::owner_all | fs::perms::group_read | fs::perms::others_read);
  open().value().reset();
  EXPECT_EQ(fs::status(path_).permissions(), fs::perms::owner_all);
}

TEST_F(DataDirectoryTest, TellsASecondOpenerWhoAnswersAndWhere) {
  const auto first = open("http://127.0.0.1:8080").value();
  const auto second = open();
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::data_dir_locked);
  EXPECT_EQ(second.error().message, "the data directory " + fs::canonical(path_).string() + " is in use by process " +
                                        std::to_string(::getpid()) + ", which answers at http://127.0.0.1:8080");
  EXPECT_EQ(second.error().hint, "use --url http://127.0.0.1:8080");
}

TEST_F(DataDirectoryTest, TellsTheAddressThatWasAnnouncedLast) {
  const auto first = open("http://127.0.0.1:80800").value();
  ASSERT_TRUE(first->announce("http://127.0.0.1:1"));
  EXPECT_EQ(open().error().hint, "use --url http://127.0.0.1:1");
}

TEST_F(DataDirectoryTest, OffersNoAddressOfAProcessThatServesNobody) {
  const auto first = open().value();
  const auto second = open();
  EXPECT_EQ(second.error().message.find("answers"), std::string::npos);
  EXPECT_EQ(second.error().hint, "stop that process, or wait until it has ended");
}

TEST_F(DataDirectoryTest, IsFreeAgainWhenItsOwnerIsGone) {
  open().value().reset();
  EXPECT_TRUE(open());
}

/// Run as a process of its own by the test below: holds the directory until it is killed.
TEST(DataDirectoryOwner, DISABLED_HoldsUntilKilled) {
  const auto directory = DataDirectory::open(::getenv("WEIR_TEST_DATA_DIR"), "http://127.0.0.1:1");
  ASSERT_TRUE(directory);
  const int ready = std::stoi(::getenv("WEIR_TEST_READY_FD"));
  ASSERT_EQ(::write(ready, "y", 1), 1);
  ::pause();
}

/// This program again, running only the test above. No fork: libarrow's fork handlers upset TSan.
pid_t spawn_owner(const fs::path& data_dir, int ready_fd) {
  const std::vector<std::string> arguments{"/proc/self/exe", "--gtest_also_run_disabled_tests",
                                           "--gtest_filter=DataDirectoryOwner.*"};
  std::vector<char*> argv, environment;
  for (const auto& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  const std::string directory = "WEIR_TEST_DATA_DIR=" + data_dir.string(),
                    ready = "WEIR_TEST_READY_FD=" + std::to_string(ready_fd);
  for (char** variable = environ; *variable != nullptr; ++variable) environment.push_back(*variable);
  for (const auto* variable : {&directory, &ready}) environment.push_back(const_cast<char*>(variable->c_str()));
  environment.push_back(nullptr);
  pid_t child = -1;
  EXPECT_EQ(::posix_spawn(&child, argv[0], nullptr, nullptr, argv.data(), environment.data()), 0);
  return child;
}

TEST_F(DataDirectoryTest, IsFreeAgainWhenItsOwnerWasKilled) {
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t owner = spawn_owner(path_, ready[1]);
  ::close(ready[1]);
  char answer = 0;
  ASSERT_EQ(::read(ready[0], &answer, 1), 1);
  ::close(ready[0]);
  const auto locked = open();
  EXPECT_FALSE(locked);
  EXPECT_NE(locked.error().message.find("process " + std::to_string(owner)), std::string::npos);
  ::kill(owner, SIGKILL);
  ::waitpid(owner, nullptr, 0);
  EXPECT_TRUE(open());
}

TEST_F(DataDirectoryTest, RefusesALayoutThatIsNewer) {
  open().value().reset();
  write(path_ / "version", "2\n");
  const auto directory = open();
  ASSERT_FALSE(directory);
  EXPECT_EQ(directory.error().code, ErrorCode::data_dir_version);
  EXPECT_NE(directory.error().message.find("layout version 2"), std::string::npos);
}

TEST_F(DataDirectoryTest, TakesAVersionThatIsNoNumberForDamage) {
  open().value().reset();
  write(path_ / "version", "one\n");
  EXPECT_EQ(code_of_open(), ErrorCode::data_dir_damaged);
}

TEST_F(DataDirectoryTest, TakesDataWithoutAVersionForDamage) {
  make_used();
  fs::remove(path_ / "version");
  EXPECT_EQ(code_of_open(), ErrorCode::data_dir_damaged);
}

TEST_F(DataDirectoryTest, TakesALostCatalogForDamage) {
  make_used();
  fs::remove(path_ / "catalog.ducklake");
  const auto directory = open();
  ASSERT_FALSE(directory);
  EXPECT_EQ(directory.error().code, ErrorCode::data_dir_damaged);
  EXPECT_NE(directory.error().message.find("catalog.ducklake is missing"), std::string::npos);
}

TEST_F(DataDirectoryTest, TakesLostExtentsForDamage) {
  make_used();
  fs::remove_all(path_ / "extents");
  EXPECT_EQ(code_of_open(), ErrorCode::data_dir_damaged);
  EXPECT_FALSE(fs::exists(path_ / "extents"));
}

TEST_F(DataDirectoryTest, TakesExtentsThatNoCatalogEverNamedForDamage) {
  open().value().reset();
  write(path_ / "extents" / "stray.parquet", "x");
  EXPECT_EQ(code_of_open(), ErrorCode::data_dir_damaged);
}

TEST_F(DataDirectoryTest, StartsAnewAfterACrashBeforeTheFirstCatalog) {
  open().value().reset();
  EXPECT_TRUE(open());
}

TEST_F(DataDirectoryTest, KnowsALakeThatWasCreatedEarlier) {
  make_used();
  EXPECT_TRUE(open().value()->has_lake());
}

TEST_F(DataDirectoryTest, EmptiesWhatAKilledProcessSpilled) {
  open().value().reset();
  write(path_ / "spill" / "left.tmp", "x");
  const auto directory = open().value();
  EXPECT_TRUE(fs::is_empty(directory->spill()));
}

TEST_F(DataDirectoryTest, RefusesAPathThatTheSqlEngineWouldReadAsAPattern) {
  path_ = root_ / "what?";
  EXPECT_EQ(code_of_open(), ErrorCode::invalid_option);
  EXPECT_FALSE(fs::exists(path_));
}

TEST_F(DataDirectoryTest, NamesTheFileThatIsInTheWay) {
  write(path_, "x");
  const auto directory = open();
  ASSERT_FALSE(directory);
  EXPECT_EQ(directory.error().code, ErrorCode::io_error);
  EXPECT_NE(directory.error().message.find(path_.string()), std::string::npos);
}

TEST_F(DataDirectoryTest, NamesTheDirectoryThatItMayNotWrite) {
  const auto directory = DataDirectory::open("/proc/weir", "");
  ASSERT_FALSE(directory);
  EXPECT_EQ(directory.error().code, ErrorCode::io_error);
}

}  // namespace
}  // namespace weir::lake
