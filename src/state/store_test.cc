#include "state/store.h"

#include <fstream>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

namespace weir::state {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr int64_t kDayUs = 86'400'000'000;

class StoreTest : public testing::Test {
 protected:
  StoreTest() {
    std::string name = fs::temp_directory_path() / "weir-store-XXXXXX";
    root_ = ::mkdtemp(name.data());
    file_ = root_ / "state.db";
  }
  ~StoreTest() override { fs::remove_all(root_); }

  std::unique_ptr<Store> open() { return Store::open(file_).value(); }
  ErrorCode code_of_open() {
    const auto store = Store::open(file_);
    return store ? ErrorCode::internal : store.error().code;
  }
  static ConnectorRow row(std::string id, std::string name) {
    return {.id = std::move(id),
            .name = std::move(name),
            .type = "postgres",
            .mode = "federation",
            .body_json = "{}",
            .created_at = "2026-01-01T00:00:00.000000Z"};
  }
  static EventRow event(int64_t at_us, std::string reason) {
    return {at_us, "public.users", "pending", "snapshotting", std::move(reason)};
  }
  /// Runs SQL past the store.
  void run(const std::string& sql) {
    sqlite3* raw = nullptr;
    ASSERT_EQ(sqlite3_open(file_.c_str(), &raw), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(raw, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(raw);
    sqlite3_close(raw);
  }

  fs::path root_, file_;
};

TEST_F(StoreTest, KeepsConnectorsAcrossReopening) {
  auto first = row("1", "pg_prod");
  first.body_json = R"({"secret_ref":"$env:X"})";
  first.sync_paused = true;
  ASSERT_TRUE(open()->put_connector(first));
  const auto rows = open()->connectors().value();
  ASSERT_THAT(rows, SizeIs(1));
  EXPECT_EQ(rows[0].name, "pg_prod");
  EXPECT_EQ(rows[0].body_json, first.body_json);
  EXPECT_TRUE(rows[0].sync_paused);
  EXPECT_FALSE(rows[0].federation_paused);
  EXPECT_EQ(rows[0].created_at, first.created_at);
}

TEST_F(StoreTest, ReplacesAConnectorOfTheSameId) {
  const auto store = open();
  ASSERT_TRUE(store->put_connector(row("1", "old")));
  ASSERT_TRUE(store->put_connector(row("1", "new")));
  EXPECT_THAT(store->connectors().value(), ElementsAre(Field(&ConnectorRow::name, "new")));
}

TEST_F(StoreTest, ListsConnectorsInTheOrderOfTheirCreation) {
  const auto store = open();
  auto later = row("1", "b");
  later.created_at = "2026-01-02T00:00:00.000000Z";
  ASSERT_TRUE(store->put_connector(later));
  ASSERT_TRUE(store->put_connector(row("2", "a")));
  EXPECT_THAT(store->connectors().value(), ElementsAre(Field(&ConnectorRow::id, "2"), Field(&ConnectorRow::id, "1")));
}

TEST_F(StoreTest, TakesAnyTextAsItIs) {
  const std::string text = "'; DROP TABLE connectors; -- \xc3\xbc\xf0\x9f\xa6\x86";
  const auto store = open();
  ASSERT_TRUE(store->put_connector(row("1", text)));
  EXPECT_EQ(store->connectors().value().at(0).name, text);
}

TEST_F(StoreTest, ListsEventsNewestFirst) {
  const auto store = open();
  ASSERT_TRUE(store->put_connector(row("1", "a")));
  for (const int at : {1, 2, 3}) ASSERT_TRUE(store->append_event("1", event(at, std::to_string(at)), 10));
  EXPECT_THAT(store->events("1", 2).value(), ElementsAre(Field(&EventRow::reason, "3"), Field(&EventRow::reason, "2")));
  const auto newest = store->events("1", 1).value().at(0);
  EXPECT_EQ(newest.at_us, 3);
  EXPECT_EQ(newest.table, "public.users");
  EXPECT_EQ(newest.from, "pending");
  EXPECT_EQ(newest.to, "snapshotting");
}

TEST_F(StoreTest, KeepsAsManyEventsAsAsked) {
  const auto store = open();
  ASSERT_TRUE(store->put_connector(row("1", "a")));
  ASSERT_TRUE(store->put_connector(row("2", "b")));
  ASSERT_TRUE(store->append_event("2", event(1, "of another"), 3));
  for (int at = 0; at < 10; ++at) ASSERT_TRUE(store->append_event("1", event(at, std::to_string(at)), 3));
  EXPECT_THAT(store->events("1", 100).value(),
              ElementsAre(Field(&EventRow::reason, "9"), Field(&EventRow::reason, "8"), Field(&EventRow::reason, "7")));
  EXPECT_THAT(store->events("2", 100).value(), SizeIs(1));
}

TEST_F(StoreTest, ForgetsEventsAfterThirtyDays) {
  const auto store = open();
  ASSERT_TRUE(store->put_connector(row("1", "a")));
  ASSERT_TRUE(store->append_event("1", event(0, "old"), 10));
  ASSERT_TRUE(store->append_event("1", event(30 * kDayUs, "at the limit"), 10));
  EXPECT_THAT(store->events("1", 10).value(), SizeIs(2));
  ASSERT_TRUE(store->append_event("1", event(30 * kDayUs + 1, "new"), 10));
  EXPECT_THAT(store->events("1", 10).value(), SizeIs(2));
}

TEST_F(StoreTest, KeepsWhatHappenedLastWhenTheClockWasSetBack) {
  const auto store = open();
  ASSERT_TRUE(store->put_connector(row("1", "a")));
  for (const int64_t at : {100 * kDayUs, 100 * kDayUs + 1, int64_t{5}, int64_t{6}})
    ASSERT_TRUE(store->append_event("1", event(at, std::to_string(at)), 3));
  EXPECT_THAT(store->events("1", 2).value(), ElementsAre(Field(&EventRow::at_us, 6), Field(&EventRow::at_us, 5)));
  EXPECT_THAT(store->events("1", 10).value(), SizeIs(3));
}

TEST_F(StoreTest, ForgetsEventsWithTheirConnector) {
  const auto store = open();
  ASSERT_TRUE(store->put_connector(row("1", "a")));
  ASSERT_TRUE(store->append_event("1", event(1, "x"), 10));
  ASSERT_TRUE(store->delete_connector("1"));
  EXPECT_THAT(store->connectors().value(), IsEmpty());
  ASSERT_TRUE(store->put_connector(row("1", "a")));
  EXPECT_THAT(store->events("1", 10).value(), IsEmpty());
}

TEST_F(StoreTest, DropsAnEventOfAConnectorThatIsGone) {
  const auto store = open();
  EXPECT_TRUE(store->append_event("1", event(1, "x"), 10));
  EXPECT_THAT(store->events("1", 10).value(), IsEmpty());
}

TEST_F(StoreTest, IsForItsOwnerOnly) {
  const auto store = open();
  ASSERT_TRUE(store->put_connector(row("1", "a")));
  for (const auto& entry : fs::directory_iterator(root_)) {
    EXPECT_EQ(entry.status().permissions(), fs::perms::owner_read | fs::perms::owner_write) << entry.path();
  }
}

TEST_F(StoreTest, ClosesAFileThatOthersCouldRead) {
  open().reset();
  fs::permissions(file_, fs::perms::owner_read | fs::perms::owner_write | fs::perms::others_read);
  const auto store = open();
  EXPECT_EQ(fs::status(file_).permissions(), fs::perms::owner_read | fs::perms::owner_write);
}

TEST_F(StoreTest, RefusesAFileOfANewerVersion) {
  open().reset();
  run("PRAGMA user_version = 1000");
  const auto store = Store::open(file_);
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, ErrorCode::data_dir_version);
}

TEST_F(StoreTest, TakesAFileThatIsNoDatabaseForDamage) {
  std::ofstream(file_) << std::string(4096, 'x');
  EXPECT_EQ(code_of_open(), ErrorCode::data_dir_damaged);
}

TEST_F(StoreTest, TakesATornPageForDamage) {
  {
    const auto store = open();
    for (int id = 0; id < 50; ++id) {
      auto large = row(std::to_string(id), std::to_string(id));
      large.body_json = std::string(3000, 'x');
      ASSERT_TRUE(store->put_connector(large));
    }
  }
  fs::resize_file(file_, fs::file_size(file_) / 2);
  const auto store = Store::open(file_);
  const auto code = store ? (*store)->connectors().error().code : store.error().code;
  EXPECT_EQ(code, ErrorCode::data_dir_damaged);
}

TEST_F(StoreTest, NamesTheFileThatCannotBeOpened) {
  const auto store = Store::open(root_ / "none" / "state.db");
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, ErrorCode::io_error);
  EXPECT_THAT(store.error().message, HasSubstr((root_ / "none" / "state.db").string()));
}

/// What a process of its own finds on a disk of 1 MiB. The child's exit codes.
enum FullDisk : int { kAsExpected = 0, kWrong = 1, kNoMount = 77 };

/// An own mount namespace: nothing to clean up, whatever happens. Whoever is not root becomes root of a user namespace,
/// and must be somebody there to own files.
bool enter_own_mounts() {
  const auto user = ::geteuid(), group = ::getegid();
  if (user == 0) return ::unshare(CLONE_NEWNS) == 0;
  if (::unshare(CLONE_NEWNS | CLONE_NEWUSER) != 0) return false;
  const auto write = [](const char* file, const std::string& text) {
    return bool(std::ofstream(file) << text << std::flush);
  };
  return write("/proc/self/setgroups", "deny") && write("/proc/self/uid_map", "0 " + std::to_string(user) + " 1") &&
         write("/proc/self/gid_map", "0 " + std::to_string(group) + " 1");
}

[[noreturn]] void fill_a_small_disk(const fs::path& place) {
  if (!enter_own_mounts()) ::_exit(kNoMount);
  static_cast<void>(::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr));
  if (::mount("tmpfs", place.c_str(), "tmpfs", 0, "size=1m") != 0) ::_exit(kNoMount);
  const auto store = Store::open(place / "state.db");
  if (!store || !(*store)->put_connector({"1", "a", "postgres", "both", "{}", false, false, ""})) ::_exit(kWrong);
  const auto put = (*store)->put_connector({"2", "b", "postgres", "both", std::string(2 << 20, 'x'), false, false, ""});
  if (put || put.error().code != ErrorCode::disk_full) ::_exit(kWrong);
  const auto rows = (*store)->connectors();
  if (!rows || rows->size() != 1 || rows->at(0).name != "a") ::_exit(kWrong);
  ::_exit((*store)->put_connector({"1", "c", "postgres", "both", "{}", false, false, ""}) ? kAsExpected : kWrong);
}

TEST_F(StoreTest, SaysThatTheDiskIsFullAndChangesNothing) {
  const pid_t child = ::fork();
  if (child == 0) fill_a_small_disk(root_);
  int status = 0;
  ::waitpid(child, &status, 0);
  ASSERT_TRUE(WIFEXITED(status));
  if (WEXITSTATUS(status) == kNoMount) GTEST_SKIP() << "may not mount a small disk here";
  EXPECT_EQ(WEXITSTATUS(status), kAsExpected);
}

TEST_F(StoreTest, ServesSeveralThreads) {
  const auto store = open();
  ASSERT_TRUE(store->put_connector(row("shared", "shared")));
  {
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < 4; ++thread) {
      threads.emplace_back([&, thread] {
        for (int step = 0; step < 20; ++step) {
          EXPECT_TRUE(store->append_event("shared", event(step, std::to_string(thread)), 1000));
          EXPECT_TRUE(store->connectors());
        }
      });
    }
  }
  EXPECT_THAT(store->events("shared", 1000).value(), SizeIs(80));
}

/// Writes until it is killed: event n, and after it the connector's name n. Tells each n that is durable.
[[noreturn]] void write_until_killed(const fs::path& file, int told) {
  const auto store = Store::open(file);
  for (int64_t number = 1; store; ++number) {
    if (!(*store)->append_event("1", {number, "t", "a", "b", std::string(3000, 'x')}, 20)) break;
    if (!(*store)->put_connector({"1", std::to_string(number), "postgres", "both", "{}", false, false, ""})) break;
    if (::write(told, &number, sizeof number) != sizeof number) break;
  }
  ::_exit(1);
}

TEST_F(StoreTest, LosesNothingThatItAcknowledgedWhenItIsKilled) {
  ASSERT_TRUE(open()->put_connector(row("1", "0")));
  for (int kill = 0; kill < 10; ++kill) {
    int told[2];
    ASSERT_EQ(::pipe(told), 0);
    const pid_t child = ::fork();
    if (child == 0) write_until_killed(file_, told[1]);
    ::close(told[1]);
    int64_t acknowledged = 0;
    // Another point of its work each time; the kill lands wherever the writer is by then.
    for (int seen = 0; seen <= kill * 3; ++seen)
      ASSERT_EQ(::read(told[0], &acknowledged, sizeof acknowledged), ssize_t{sizeof acknowledged});
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    while (::read(told[0], &acknowledged, sizeof acknowledged) == ssize_t{sizeof acknowledged}) {
    }
    ::close(told[0]);
    const auto store = open();
    const auto name = std::stoll(store->connectors().value().at(0).name);
    EXPECT_GE(name, acknowledged);
    EXPECT_LE(name, acknowledged + 1);
    const auto newest = store->events("1", 100).value().at(0).at_us;
    EXPECT_GE(newest, name);
    EXPECT_LE(newest, name + 1);
    ASSERT_TRUE(store->delete_connector("1"));
    ASSERT_TRUE(store->put_connector(row("1", "0")));
  }
}

}  // namespace
}  // namespace weir::state
