#include "engine/query_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir::engine {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

QueryRequest request(std::string text) {
  QueryRequest request;
  request.text = std::move(text);
  request.principal.name = "ada";
  return request;
}

TEST(QueryLog, shows_running_ones_first_and_the_finished_newest_first) {
  QueryLog log(10, 10);
  for (const char* id : {"a", "b", "c"}) ASSERT_TRUE(log.begin(id, request("SELECT 1"), {}));
  log.finish("a", nullptr, {});
  Error failed{ErrorCode::timeout, "too long", {}, {}};
  log.finish("b", &failed, {});
  auto lines = log.lines();
  ASSERT_THAT(lines, SizeIs(3));
  EXPECT_EQ(lines[0].id + lines[1].id + lines[2].id, "cba");
  EXPECT_EQ(lines[0].state, "running");
  EXPECT_EQ(lines[1].state, "failed");
  EXPECT_EQ(lines[1].error_code, "timeout");
  EXPECT_EQ(lines[2].state, "done");
  EXPECT_EQ(lines[2].principal, "ada");
}

TEST(QueryLog, knows_when_the_oldest_running_one_began) {
  QueryLog log(10, 10);
  EXPECT_FALSE(log.oldest_running());
  const auto before = std::chrono::system_clock::now();
  ASSERT_TRUE(log.begin("a", request("SELECT 1"), {}));
  const auto between = std::chrono::system_clock::now();
  ASSERT_TRUE(log.begin("b", request("SELECT 1"), {}));
  ASSERT_TRUE(log.oldest_running());
  EXPECT_GE(*log.oldest_running(), before - std::chrono::milliseconds(1));
  EXPECT_LE(*log.oldest_running(), between + std::chrono::milliseconds(1));
  log.finish("a", nullptr, {});
  EXPECT_GE(*log.oldest_running(), between - std::chrono::milliseconds(1));
  log.finish("b", nullptr, {});
  EXPECT_FALSE(log.oldest_running());
}

TEST(QueryLog, shows_no_statement_that_holds_a_secret) {
  QueryLog log(10, 10);
  ASSERT_TRUE(log.begin("a", request("SELECT 1; CREATE SECRET s (TYPE s3, KEY_ID 'A', SECRET 'hunter2')"), {}));
  EXPECT_EQ(log.lines()[0].text, "(not shown: CREATE SECRET or ATTACH)");
}

TEST(QueryLog, keeps_so_many) {
  QueryLog log(10, 2);
  for (const char* id : {"a", "b", "c"}) {
    ASSERT_TRUE(log.begin(id, request("SELECT 1"), {}));
    log.finish(id, nullptr, {});
  }
  EXPECT_THAT(log.lines(), SizeIs(2));
  EXPECT_EQ(log.lines()[0].id, "c");
}

TEST(QueryLog, masks_passwords_and_cuts_long_texts) {
  QueryLog log(10, 10);
  ASSERT_TRUE(log.begin("a", request("SELECT 'postgres://u:marker@h/d'"), {}));
  EXPECT_THAT(log.lines()[0].text, Not(HasSubstr("marker")));
  ASSERT_TRUE(log.begin("b", request("SELECT '" + std::string(100'000, 'x') + "'"), {}));
  for (const auto& line : log.lines()) EXPECT_LT(line.text.size(), 5000u);
}

TEST(QueryLog, cancels_only_what_runs) {
  QueryLog log(10, 10);
  EXPECT_EQ(log.cancel("a").error().code, ErrorCode::query_not_found);
}

}  // namespace
}  // namespace weir::engine
