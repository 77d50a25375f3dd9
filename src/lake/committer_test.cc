#include "lake/committer.h"

#include <atomic>
#include <fstream>
#include <future>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir::lake {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

/// Remembers its statements.
class RecordingSession : public SqlSession {
 public:
  Status run(std::string_view sql) override {
    statements.emplace_back(sql);
    return {};
  }
  Result<std::vector<std::vector<std::string>>> rows(std::string_view) override {
    return std::vector<std::vector<std::string>>{};
  }
  Result<uint64_t> change(std::string_view sql) override {
    WEIR_TRY(run(sql));
    return uint64_t{0};
  }
  Status show(std::string_view, const batch::OwnedSchema&, const batch::OwnedArray&) override { return {}; }
  void interrupt() override {}

  std::vector<std::string> statements;
};

class CommitterTest : public testing::Test {
 protected:
  CommitterTest() {
    std::string name = fs::temp_directory_path() / "weir-committer-XXXXXX";
    root_ = ::mkdtemp(name.data());
  }
  ~CommitterTest() override { fs::remove_all(root_); }

  std::unique_ptr<Committer> committer(CommitterOptions options = {}) {
    return std::make_unique<Committer>(options, root_ / "extents", metrics_);
  }
  bool writers_wait(int count) const {
    return metrics_.text().find("weir_lake_writers_waiting " + std::to_string(count) + "\n") != std::string::npos;
  }
  void await_writers(int count) const {
    const auto deadline = std::chrono::steady_clock::now() + 20s;
    while (!writers_wait(count)) {
      ASSERT_LT(std::chrono::steady_clock::now(), deadline) << metrics_.text();
      std::this_thread::yield();
    }
  }
  static Status work_failing_with(ErrorCode code, std::string message) { return fail(code, std::move(message)); }

  fs::path root_;
  telemetry::Metrics metrics_;
};

/// Holds the turn of a committer until it is let go.
class Holder {
 public:
  explicit Holder(Committer& committer)
      : thread_([&committer, this] {
          RecordingSession session;
          static_cast<void>(committer.commit(session,
                                             [this] {
                                               held_.set_value();
                                               letting_go_.get_future().wait();
                                               return Status{};
                                             },
                                             {}));
        }) {
    held_.get_future().wait();
  }
  ~Holder() { let_go(); }
  void let_go() {
    if (!thread_.joinable()) return;
    letting_go_.set_value();
    thread_.join();
  }

 private:
  std::promise<void> held_, letting_go_;
  std::jthread thread_;
};

TEST_F(CommitterTest, RunsTheWorkAndNothingElse) {
  RecordingSession session;
  const auto done = committer()->commit(session, [&] { return session.run("INSERT"); }, {});
  EXPECT_TRUE(done);
  EXPECT_THAT(session.statements, ElementsAre("INSERT"));
  EXPECT_THAT(metrics_.text(), HasSubstr("ok"));
}

TEST_F(CommitterTest, LeavesNoTransactionOpenBehindFailedWork) {
  RecordingSession session;
  const auto done = committer()->commit(session, [] { return work_failing_with(ErrorCode::query_failed, "no"); }, {});
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::query_failed);
  EXPECT_THAT(session.statements, ElementsAre("ROLLBACK"));
}

TEST_F(CommitterTest, CallsAFullDiskByItsNameAndPlace) {
  RecordingSession session;
  const auto done = committer()->commit(
      session,
      [] { return work_failing_with(ErrorCode::io_error, "Could not write file \"f\": No space left on device"); }, {});
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::disk_full);
  EXPECT_THAT(done.error().message, HasSubstr(root_.string()));
}

TEST_F(CommitterTest, LetsNoValueAndNoSourceDecideTheCode) {
  RecordingSession session;
  for (const char* value : {"version mismatch", "Conflict on", "No space left on device"}) {
    const std::string message = std::string("Could not convert string '") + value + "' to INT64";
    const auto done =
        committer()->commit(session, [&] { return work_failing_with(ErrorCode::query_failed, message); }, {});
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code, ErrorCode::query_failed) << value;
    EXPECT_EQ(done.error().message, message);
  }
  const auto remote = committer()->commit(
      session, [] { return Status(fail(Error{ErrorCode::io_error, "No space left on device", "", "pg_prod"})); }, {});
  ASSERT_FALSE(remote);
  EXPECT_EQ(remote.error().code, ErrorCode::io_error);
}

TEST_F(CommitterTest, CallsAConflictByItsName) {
  RecordingSession session;
  const auto done = committer()->commit(
      session,
      [] { return work_failing_with(ErrorCode::commit_conflict, "Transaction conflict - attempting to delete from"); },
      {});
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::commit_conflict);
}

TEST_F(CommitterTest, LetsOneWriterInAtATime) {
  const auto shared = committer();
  int inside = 0, done = 0;  // no atomics: the turn is what protects them, and TSan sees it if not
  {
    std::vector<std::jthread> writers;
    for (int writer = 0; writer < 8; ++writer) {
      writers.emplace_back([&] {
        RecordingSession session;
        for (int commit = 0; commit < 50; ++commit) {
          const auto result = shared->commit(session,
                                             [&] {
                                               EXPECT_EQ(++inside, 1);
                                               ++done;
                                               --inside;
                                               return Status{};
                                             },
                                             {});
          EXPECT_TRUE(result);
        }
      });
    }
  }
  EXPECT_EQ(done, 400);
}

TEST_F(CommitterTest, ServesWritersInTheOrderInWhichTheyCame) {
  const auto shared = committer();
  std::vector<int> order;
  {
    std::vector<std::jthread> writers;
    Holder holder(*shared);
    for (int writer = 0; writer < 5; ++writer) {
      writers.emplace_back([&, writer] {
        RecordingSession session;
        EXPECT_TRUE(shared->commit(session,
                                   [&] {
                                     order.push_back(writer);
                                     return Status{};
                                   },
                                   {}));
      });
      await_writers(writer + 1);
    }
    holder.let_go();
  }
  EXPECT_THAT(order, ElementsAre(0, 1, 2, 3, 4));
}

TEST_F(CommitterTest, RefusesAWriterWhenEnoughWait) {
  const auto shared = committer({.waiting_max = 1});
  std::jthread waiting;
  Holder holder(*shared);
  waiting = std::jthread([&] {
    RecordingSession session;
    EXPECT_TRUE(shared->commit(session, [] { return Status{}; }, {}));
  });
  await_writers(1);
  RecordingSession session;
  const auto refused = shared->commit(session, [] { return Status{}; }, {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::too_many_requests);
}

TEST_F(CommitterTest, GivesUpWaitingAfterItsLimit) {
  const auto shared = committer({.wait_max = 20ms});
  Holder holder(*shared);
  RecordingSession session;
  const auto late = shared->commit(session, [] { return Status{}; }, {});
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, ErrorCode::timeout);
  EXPECT_TRUE(session.statements.empty());
  EXPECT_TRUE(writers_wait(0));
}

TEST_F(CommitterTest, StopsWaitingWhenAsked) {
  const auto shared = committer();
  Holder holder(*shared);
  std::stop_source stop;
  ErrorCode code{};
  std::jthread waiting([&] {
    RecordingSession session;
    const auto cancelled = shared->commit(session, [] { return Status{}; }, stop.get_token());
    code = cancelled ? ErrorCode::internal : cancelled.error().code;
  });
  await_writers(1);
  stop.request_stop();
  waiting.join();
  EXPECT_EQ(code, ErrorCode::cancelled);
}

TEST_F(CommitterTest, DoesNotBeginWhatWasStoppedBefore) {
  std::stop_source stop;
  stop.request_stop();
  RecordingSession session;
  const auto cancelled = committer()->commit(session, [] { return Status{}; }, stop.get_token());
  ASSERT_FALSE(cancelled);
  EXPECT_EQ(cancelled.error().code, ErrorCode::cancelled);
}

TEST_F(CommitterTest, AWriterThatGivesUpHoldsNobodyBehindIt) {
  const auto shared = committer();
  std::stop_source stop;
  std::atomic<bool> served = false;
  std::jthread first, second;
  Holder holder(*shared);
  first = std::jthread([&] {
    RecordingSession session;
    static_cast<void>(shared->commit(session, [] { return Status{}; }, stop.get_token()));
  });
  await_writers(1);
  second = std::jthread([&] {
    RecordingSession session;
    served = shared->commit(session, [] { return Status{}; }, {}).has_value();
  });
  await_writers(2);
  stop.request_stop();
  await_writers(1);
  holder.let_go();
  second.join();
  EXPECT_TRUE(served);
}

TEST_F(CommitterTest, FoldsTheCatalogsLogWhenItIsLarge) {
  std::ofstream(root_ / "catalog.ducklake") << "catalog";
  std::ofstream(root_ / "catalog.ducklake.wal") << "0123456789";
  RecordingSession session;
  ASSERT_TRUE(committer({.catalog_log_bytes_max = 10})->commit(session, [] { return Status{}; }, {}));
  EXPECT_TRUE(session.statements.empty());
  ASSERT_TRUE(committer({.catalog_log_bytes_max = 9})->commit(session, [] { return Status{}; }, {}));
  EXPECT_THAT(session.statements, ElementsAre("CHECKPOINT __ducklake_metadata_weir"));
}

TEST_F(CommitterTest, LeavesTheCatalogsLogAloneWhenSpaceIsShort) {
  std::ofstream(root_ / "catalog.ducklake") << "catalog";
  std::ofstream(root_ / "catalog.ducklake.wal") << "x";
  // A sparse file as large as what is free: folding it would need twice that.
  fs::resize_file(root_ / "catalog.ducklake.wal", fs::space(root_).available);
  RecordingSession session;
  ASSERT_TRUE(committer()->commit(session, [] { return Status{}; }, {}));
  EXPECT_TRUE(session.statements.empty());
}

}  // namespace
}  // namespace weir::lake
