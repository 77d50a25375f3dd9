/// Wake-ups, cancellation and hung sources: what must hold whatever the threads do.
#include <atomic>
#include <future>
#include <thread>

#include "engine/remote_test_database.h"

namespace weir::engine {
namespace {

using testing::numbers_table;
using testing::TestDatabase;
using testing::TestSession;
using testing::TestStream;
using Texts = std::vector<std::string>;

/// Long enough for any machine, short enough to notice a lost wake-up.
constexpr std::chrono::seconds kPatience{60};

testing::TestTable hung_table(const std::string& name) {
  auto table = numbers_table(1'000'000, 1);
  table.info.name.table = name;
  table.script = [](TestStream& stream, const std::stop_token& stop) { stream.hang(stop); };
  return table;
}

TEST(RemoteScanStress, LosesNoWakeUp) {
  TestDatabase database;
  const auto source = database.attach("pg");
  auto table = numbers_table(200'000, 50);  // 4,000 batches, each given when the one before was taken
  source->put(table);
  TestSession session(database);
  for (int round = 0; round < 3; ++round) {
    EXPECT_EQ(session.run("SELECT count(*), sum(n) FROM pg.public.numbers").rows, Texts{"200000|19999900000"});
  }
}

TEST(RemoteScanStress, LosesNoWakeUpWithOneThread) {
  TestDatabase database(1);
  const auto source = database.attach("pg");
  source->put(numbers_table(5'000, 50));
  TestSession session(database);
  EXPECT_EQ(session.run("SELECT count(*) FROM pg.public.numbers a, pg.public.numbers b WHERE a.n = b.n").rows,
            Texts{"5000"});
}

TEST(RemoteScanStress, RunsManyScansAtOnce) {
  TestDatabase database;
  const auto source = database.attach("pg");
  source->put(numbers_table(20'000, 100));
  std::vector<std::future<Texts>> sessions;
  for (int i = 0; i < 8; ++i) {
    sessions.push_back(std::async(std::launch::async, [&] {
      TestSession session(database);
      return session
          .run(
              "SELECT count(*) FROM (SELECT n FROM pg.public.numbers UNION ALL SELECT n FROM pg.public.numbers UNION "
              "ALL "
              "SELECT a.n FROM pg.public.numbers a JOIN pg.public.numbers b USING (n))")
          .rows;
    }));
  }
  for (auto& session : sessions) {
    ASSERT_EQ(session.wait_for(kPatience), std::future_status::ready);
    EXPECT_EQ(session.get(), Texts{"60000"});
  }
}

TEST(RemoteScanStress, AHungSourceLeavesTheWorkersFree) {
  TestDatabase database;
  const auto source = database.attach("pg");
  source->put(hung_table("hung"));
  std::vector<std::unique_ptr<TestSession>> stuck;
  std::vector<std::future<testing::Answer>> waiting;
  for (int i = 0; i < 8; ++i) {
    auto& session = *stuck.emplace_back(std::make_unique<TestSession>(database));
    waiting.push_back(
        std::async(std::launch::async, [&session] { return session.run("SELECT sum(n) FROM pg.public.hung"); }));
  }
  while (source->asked().size() < stuck.size()) std::this_thread::yield();

  TestSession local(database);
  auto free = std::async(std::launch::async, [&] { return local.run("SELECT sum(range) FROM range(20000000)").rows; });
  ASSERT_EQ(free.wait_for(kPatience), std::future_status::ready);
  EXPECT_EQ(free.get(), Texts{"199999990000000"});

  for (auto& session : stuck) {
    session->query->cancel();
    session->connection.Interrupt();
  }
  for (auto& query : waiting) {
    ASSERT_EQ(query.wait_for(kPatience), std::future_status::ready);
    EXPECT_NE(query.get().error, "");
  }
}

TEST(RemoteScanStress, AHostThatDoesNotAnswerHoldsUpNobody) {
  TestDatabase database;
  const auto source = database.attach("pg");
  std::promise<void> gate;
  auto silent = numbers_table(10, 10);
  silent.script = [open = gate.get_future().share()](TestStream&, const std::stop_token&) { open.wait(); };
  source->put(std::move(silent));
  TestSession session(database);
  auto answer = std::async(std::launch::async, [&] { return session.run("SELECT n FROM pg.public.numbers"); });
  while (source->expected_reads().empty()) std::this_thread::yield();

  TestSession local(database);
  auto free = std::async(std::launch::async, [&] { return local.run("SELECT sum(range) FROM range(20000000)").rows; });
  ASSERT_EQ(free.wait_for(kPatience), std::future_status::ready);
  session.query->cancel();
  ASSERT_EQ(answer.wait_for(kPatience), std::future_status::ready) << "although the host still does not answer";
  EXPECT_NE(answer.get().error, "");
  gate.set_value();
}

TEST(RemoteScanStress, CancelWakesABlockedScan) {
  TestDatabase database;
  const auto source = database.attach("pg");
  source->put(hung_table("hung"));
  for (int round = 0; round < 50; ++round) {
    TestSession session(database);
    auto answer = std::async(std::launch::async, [&] { return session.run("SELECT n FROM pg.public.hung"); });
    while (source->asked().size() <= static_cast<size_t>(round)) std::this_thread::yield();
    session.query->cancel();
    ASSERT_EQ(answer.wait_for(kPatience), std::future_status::ready);
    EXPECT_NE(answer.get().error, "");
    EXPECT_EQ(session.query->take_error()->code, ErrorCode::cancelled);
  }
}

TEST(RemoteScanStress, CancelBeforeTheScanBeginsIsNotLost) {
  TestDatabase database;
  const auto source = database.attach("pg");
  source->put(hung_table("hung"));
  TestSession session(database);
  session.query->cancel();
  auto answer = std::async(std::launch::async, [&] { return session.run("SELECT n FROM pg.public.hung"); });
  ASSERT_EQ(answer.wait_for(kPatience), std::future_status::ready);
  EXPECT_NE(answer.get().error, "");
  EXPECT_TRUE(source->asked().empty());
}

TEST(RemoteScanStress, ALimitEndsAScanThatStillWaits) {
  TestDatabase database;
  const auto source = database.attach("pg");
  auto table = numbers_table(1'000'000, 1);
  const auto schema = arrow::schema({arrow::field("n", arrow::int64())});
  table.script = [schema](TestStream& stream, const std::stop_token& stop) {
    arrow::Int64Builder builder;
    testing::check(builder.AppendValues({1, 2, 3}));
    stream.give(arrow::RecordBatch::Make(schema, 3, {builder.Finish().ValueOrDie()}));
    stream.hang(stop);
  };
  source->put(table);
  for (int round = 0; round < 50; ++round) {
    TestSession session(database);
    auto answer = std::async(
        std::launch::async, [&] { return session.run("SELECT n * 2 FROM pg.public.numbers WHERE n + 0 > 0 LIMIT 2"); });
    ASSERT_EQ(answer.wait_for(kPatience), std::future_status::ready);
    EXPECT_EQ(answer.get().rows.size(), 2u);
  }
}

TEST(RemoteScanStress, AResultThatIsDroppedUnreadEndsItsScan) {
  TestDatabase database;
  const auto source = database.attach("pg");
  source->put(numbers_table(10'000'000, 1'000));
  for (int round = 0; round < 20; ++round) {
    TestSession session(database);
    auto result = session.connection.SendQuery("SELECT n FROM pg.public.numbers");
    ASSERT_FALSE(result->HasError()) << result->GetError();
    ASSERT_TRUE(result->Fetch());
  }
}

TEST(RemoteScanStress, ErrorsOfSeveralScansEndTheQueryOnce) {
  TestDatabase database;
  const auto source = database.attach("pg");
  auto table = numbers_table(200'000, 1);
  table.script = [](TestStream& stream, const std::stop_token&) {
    stream.fail_with(Error{ErrorCode::source_connection_lost, "the server went away", "", ""});
  };
  source->put(table);
  for (int round = 0; round < 50; ++round) {
    TestSession session(database);
    session.run("SELECT n FROM pg.public.numbers UNION ALL SELECT n FROM pg.public.numbers");
    EXPECT_EQ(session.query->take_error()->code, ErrorCode::source_connection_lost);
  }
}

}  // namespace
}  // namespace weir::engine
