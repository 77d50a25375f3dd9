#include "cli/local_session.h"

#include <atomic>
#include <filesystem>
#include <thread>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace weir::cli {
namespace {

class NoSink final : public AnswerSink {
 public:
  Status begin(const std::vector<format::Column>&, const ArrowSchema&) override { return {}; }
  Status batch(batch::OwnedArray) override { return {}; }
  Status end(const nlohmann::json&) override { return {}; }
};

TEST(LocalSession, CancelReachesAStatementBeforeTheLast) {
  std::string name = std::filesystem::temp_directory_path() / "weir-local-XXXXXX";
  const std::filesystem::path root = ::mkdtemp(name.data());
  {
    auto session = open_local_session(root / "data");
    ASSERT_TRUE(session) << session.error().to_string();
    NoSink sink;
    std::atomic<bool> ended = false;
    Status status;
    std::thread runs([&] {
      status = (*session)->run("SELECT sum(range % 7) FROM range(30000000000); SELECT 1", sink);
      ended = true;
    });
    // As Ctrl-C would, again and again: the first may come before the statement has begun.
    while (!ended) {
      (*session)->cancel();
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    runs.join();
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code, ErrorCode::cancelled);
  }
  std::filesystem::remove_all(root);
}

}  // namespace
}  // namespace weir::cli
