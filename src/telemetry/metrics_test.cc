#include "telemetry/metrics.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir::telemetry {
namespace {

using testing::HasSubstr;
using testing::Not;

void touch_everything(Metrics& metrics) {
  metrics.query_started();
  metrics.query_finished("ok", 0.02);
  metrics.rows_returned(3);
  metrics.scan_finished("pg", "ok", 0.5, 10, 200);
  metrics.pool("pg", 1, 2, 5);
  metrics.connector_up("pg", true);
  metrics.http_request("/v1/query", "POST", 200, 0.1);
  metrics.http_connections(4);
  metrics.lake_commit(0.3, true);
  metrics.lake_writers_waiting(2);
}

TEST(Metrics, CountsQueries) {
  Metrics metrics;
  metrics.query_started();
  metrics.query_started();
  metrics.query_finished("table_not_found", 0.02);
  const std::string text = metrics.text();
  EXPECT_THAT(text, HasSubstr("weir_queries_running 1\n"));
  EXPECT_THAT(text, HasSubstr("weir_queries_total{outcome=\"table_not_found\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("weir_query_duration_seconds_bucket{le=\"0.025\"} 1\n"));
}

TEST(Metrics, ShowsZeroBeforeAnythingHappens) { EXPECT_THAT(Metrics().text(), HasSubstr("weir_queries_running 0\n")); }

TEST(Metrics, CountsScansAndPoolsByConnector) {
  Metrics metrics;
  touch_everything(metrics);
  const std::string text = metrics.text();
  EXPECT_THAT(text, HasSubstr("weir_scan_received_bytes_total{connector=\"pg\"} 200\n"));
  EXPECT_THAT(text, HasSubstr("weir_connector_pool_connections{connector=\"pg\",state=\"idle\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("weir_connector_up{connector=\"pg\"} 1\n"));
}

TEST(Metrics, ForgetsAConnector) {
  Metrics metrics;
  touch_everything(metrics);
  metrics.scan_finished("pg", "source_unreachable", 0.5, 0, 0);
  metrics.scan_finished("other", "ok", 0.5, 0, 0);
  metrics.forget_connector("pg");
  EXPECT_THAT(metrics.text(), Not(HasSubstr("\"pg\"")));
  EXPECT_THAT(metrics.text(), HasSubstr("\"other\""));
}

TEST(Metrics, BoundsLabelsThatComeFromOutside) {
  Metrics metrics;
  for (int i = 0; i < 1000; i++) {
    const std::string text = "made-up-" + std::to_string(i);
    metrics.http_request("/" + text, text, i * 1000, 0.1);
    metrics.query_started();
    metrics.query_finished(text, 0.1);
  }
  const std::string text = metrics.text();
  EXPECT_LT(std::ranges::count(text, '\n'), 3000);
  EXPECT_THAT(text, HasSubstr("weir_queries_total{outcome=\"other\"} 1000\n"));
  EXPECT_THAT(text, HasSubstr("route=\"other\""));
}

TEST(Metrics, AsksCollectorsBeforeItAnswers) {
  Metrics metrics;
  int asked = 0;
  metrics.add_collector(&asked, [&] { metrics.http_connections(++asked); });
  EXPECT_THAT(metrics.text(), HasSubstr("weir_http_connections 1\n"));
  metrics.remove_collector(&asked);
  EXPECT_THAT(metrics.text(), HasSubstr("weir_http_connections 1\n"));
}

TEST(Metrics, IsSafeWhileConnectorsComeAndGo) {
  Metrics metrics;
  std::vector<std::jthread> threads;
  for (int thread = 0; thread < 4; thread++) {
    threads.emplace_back([&metrics, thread] {
      for (int i = 0; i < 200; i++) {
        touch_everything(metrics);
        if (thread == 0) metrics.forget_connector("pg");
        if (thread == 1 && i % 20 == 0) metrics.text();
      }
    });
  }
  threads.clear();
  EXPECT_THAT(metrics.text(), HasSubstr("weir_queries_total{outcome=\"ok\"} 800\n"));
}

TEST(Metrics, AreAllDocumentedAndNamedByTheRules) {
  Metrics metrics;
  touch_everything(metrics);
  const auto path = std::filesystem::path(__FILE__).parent_path() / "../../docs/metrics.md";
  std::ifstream file(path);
  const std::string document(std::istreambuf_iterator<char>(file), {});
  ASSERT_FALSE(document.empty()) << path;
  std::istringstream text(metrics.text());
  int seen = 0;
  for (std::string line; std::getline(text, line);) {
    if (!line.starts_with("# TYPE ")) continue;
    seen++;
    const size_t space = line.rfind(' ');
    const std::string name = line.substr(7, space - 7), kind = line.substr(space + 1);
    EXPECT_TRUE(name.starts_with("weir_")) << name;
    EXPECT_EQ(name.ends_with("_total"), kind == "counter") << name;
    EXPECT_EQ(name.ends_with("_seconds"), kind == "histogram") << name;
    EXPECT_THAT(document, HasSubstr("`" + name + "`"));
  }
  EXPECT_GT(seen, 10);
}

}  // namespace
}  // namespace weir::telemetry
