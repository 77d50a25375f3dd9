#include "server/listener.h"

#include <gtest/gtest.h>

namespace weir::server {
namespace {

TEST(Loopback, IsOnlyThisMachine) {
  for (const char* address : {"127.0.0.1", "127.255.0.3", "::1"}) EXPECT_TRUE(is_loopback(address)) << address;
  for (const char* address : {"0.0.0.0", "128.0.0.1", "10.0.0.1", "::", "fe80::1", "localhost", ""}) {
    EXPECT_FALSE(is_loopback(address)) << address;
  }
}

TEST(Listener, TakesAFreePort) {
  const auto listener = Listener::open("localhost:0");
  ASSERT_TRUE(listener) << listener.error().to_string();
  EXPECT_TRUE(listener->text().starts_with("127.0.0.1:"));
  EXPECT_FALSE(listener->text().ends_with(":0"));
  EXPECT_TRUE(listener->loopback());
}

TEST(Listener, RefusesWhatIsNoAddress) {
  for (const char* listen : {"", "8080", ":8080", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:65536",
                             "127.0.0.1:80a", "::1:8080"}) {
    const auto listener = Listener::open(listen);
    ASSERT_FALSE(listener) << listen;
    EXPECT_EQ(listener.error().code, ErrorCode::invalid_option) << listen;
  }
}

}  // namespace
}  // namespace weir::server
