#include "server/browser_guard.h"

#include <gtest/gtest.h>

namespace weir::server {
namespace {

bool admitted(const char* host, const char* origin = nullptr) {
  Fields fields;
  if (host != nullptr) fields.add("Host", host);
  if (origin != nullptr) fields.add("Origin", origin);
  return check_not_from_web_page(fields).has_value();
}

TEST(BrowserGuard, AdmitsProgramsOfThisMachine) {
  for (const char* host : {"localhost:8080", "LOCALHOST", "127.0.0.1:8080", "127.9.9.9", "[::1]:8080", "mybox:8080"}) {
    EXPECT_TRUE(admitted(host)) << host;
  }
  EXPECT_TRUE(admitted(nullptr));
}

TEST(BrowserGuard, RefusesPublicNamesThatPointHere) {
  for (const char* host : {"evil.example:8080", "127.0.0.1.evil.example", "192.168.0.1", "localhost.evil.example"}) {
    EXPECT_FALSE(admitted(host)) << host;
  }
}

TEST(BrowserGuard, AdmitsItsOwnPages) { EXPECT_TRUE(admitted("localhost:8080", "http://localhost:8080")); }

TEST(BrowserGuard, RefusesOtherPages) {
  for (const char* origin : {"http://evil.example", "http://localhost:9090", "null", "https://localhost:8080"}) {
    EXPECT_FALSE(admitted("localhost:8080", origin)) << origin;
  }
}

}  // namespace
}  // namespace weir::server
