#include "server/router.h"

#include <gtest/gtest.h>

namespace weir::server {
namespace {

Router routes() {
  Router router;
  for (const auto& [method, pattern] :
       std::initializer_list<std::pair<std::string_view, std::string_view>>{{"GET", "/v1/connectors"},
                                                                            {"POST", "/v1/connectors"},
                                                                            {"GET", "/v1/connectors/catalog"},
                                                                            {"GET", "/v1/connectors/{id}"},
                                                                            {"DELETE", "/v1/connectors/{id}"},
                                                                            {"POST", "/v1/connectors/{id}/pause"}}) {
    router.add({.method = method, .pattern = pattern, .handler = nullptr});
  }
  return router;
}

std::string_view pattern_of(std::string_view method, std::string_view path) {
  const Router router = routes();  // what is found points into it
  const auto found = router.find(method, path);
  if (!found || found->route == nullptr) return "";
  for (const std::string_view known :
       {"/v1/connectors", "/v1/connectors/catalog", "/v1/connectors/{id}", "/v1/connectors/{id}/pause"}) {
    if (found->route->pattern == known) return known;
  }
  return "?";
}

TEST(Router, FindsTheRouteOfMethodAndPath) {
  const Router router = routes();
  const auto found = router.find("POST", "/v1/connectors");
  ASSERT_TRUE(found);
  ASSERT_NE(found->route, nullptr);
  EXPECT_EQ(found->route->method, "POST");
}

TEST(Router, DecodesNames) {
  const auto found = routes().find("POST", "/v1/connectors/pg%20prod%2F1/pause");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->path.at("id"), "pg prod/1");
}

TEST(Router, RefusesAWrongEscapeInAName) {
  const auto found = routes().find("GET", "/v1/connectors/50%");
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, ErrorCode::invalid_request);
}

TEST(Router, LettersGoBeforeNames) { EXPECT_EQ(pattern_of("GET", "/v1/connectors/catalog"), "/v1/connectors/catalog"); }

TEST(Router, HeadIsAnsweredByGet) { EXPECT_EQ(pattern_of("HEAD", "/v1/connectors/x"), "/v1/connectors/{id}"); }

TEST(Router, DoesNotFindOtherPaths) {
  for (const std::string_view path : {"/", "", "*", "/v1", "/v1/connectors/", "/v1/connectors//pause",
                                      "/v1/connectors/x/stop", "/v1/connectors/x/pause/y", "//v1/connectors"}) {
    const auto found = routes().find("GET", path);
    ASSERT_TRUE(found) << path;
    EXPECT_EQ(found->route, nullptr) << path;
    EXPECT_EQ(found->allow, "") << path;
  }
}

TEST(Router, NamesTheMethodsOfAPath) {
  const Router router = routes();
  EXPECT_EQ(router.find("PUT", "/v1/connectors")->allow, "GET, HEAD, POST");
  EXPECT_EQ(router.find("OPTIONS", "/v1/connectors/x")->allow, "DELETE, GET, HEAD");
  EXPECT_EQ(router.find("GET", "/v1/connectors/x/pause")->allow, "POST");
}

}  // namespace
}  // namespace weir::server
