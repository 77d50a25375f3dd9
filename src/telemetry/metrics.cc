/// Every metric's name, help and labels. Base units (seconds, bytes), units last; docs/metrics.md lists them all.
#include "telemetry/metrics.h"

#include <algorithm>
#include <array>
#include <map>
#include <mutex>
#include <set>
#include <string_view>

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include "base/error.h"

namespace weir::telemetry {
namespace {

using prometheus::Counter;
using prometheus::Family;
using prometheus::Gauge;
using prometheus::Histogram;

// Values that come from outside become labels only while there are few of them.
constexpr size_t kRoutesMax = 100;
constexpr std::string_view kOther = "other";

const Histogram::BucketBoundaries kSeconds = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25,
                                              0.5,   1,      2.5,   5,    10,    30,   60,  300};

bool is_outcome(std::string_view text) {
  return text == "ok" || std::ranges::any_of(error_table(), [&](const ErrorInfo& info) { return info.name == text; });
}

std::string outcome_label(const std::string& outcome) { return is_outcome(outcome) ? outcome : std::string(kOther); }

std::string method_label(const std::string& method) {
  constexpr std::array<std::string_view, 7> kMethods = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"};
  return std::ranges::find(kMethods, method) != kMethods.end() ? method : std::string(kOther);
}

template <typename Metric, typename... Arguments>
void drop(Family<Metric>& family, const prometheus::Labels& labels, const Arguments&... arguments) {
  if (family.Has(labels)) family.Remove(&family.Add(labels, arguments...));
}

}  // namespace

struct Metrics::Families {
  prometheus::Registry registry;

  Family<Gauge>& build_info = gauge("weir_build_info", "Always 1; the label holds the version.");
  Family<Gauge>& queries_running = gauge("weir_queries_running", "Queries that run now.");
  Family<Counter>& queries = counter("weir_queries_total", "Finished queries by outcome: ok or the error code.");
  Family<Histogram>& query_seconds = histogram("weir_query_duration_seconds", "From a query's start to its last row.");
  Family<Counter>& rows = counter("weir_query_rows_total", "Rows that answers held.");

  Family<Counter>& scans = counter("weir_scans_total", "Finished federated scans by connector and outcome.");
  Family<Histogram>& scan_seconds = histogram("weir_scan_duration_seconds", "Time of a federated scan on its source.");
  Family<Counter>& scan_rows = counter("weir_scan_rows_total", "Rows that sources sent.");
  Family<Counter>& scan_bytes = counter("weir_scan_received_bytes_total", "Payload bytes that sources sent.");
  Family<Gauge>& pool_size = gauge("weir_connector_pool_connections", "Open connections by state: in_use or idle.");
  Family<Gauge>& pool_max = gauge("weir_connector_pool_connections_max", "Connections that a pool may open.");
  Family<Gauge>& up = gauge("weir_connector_up", "1 when the last contact with the source succeeded, otherwise 0.");

  Family<Counter>& requests = counter("weir_http_requests_total", "HTTP requests by route pattern, method and status.");
  Family<Histogram>& request_seconds =
      histogram("weir_http_request_duration_seconds", "From a request's first byte to its answer's last.");
  Family<Gauge>& connections = gauge("weir_http_connections", "Open HTTP connections.");

  Family<Counter>& commits = counter("weir_lake_commits_total", "Transactions of the lake by outcome: ok or failed.");
  Family<Histogram>& commit_seconds =
      histogram("weir_lake_commit_duration_seconds", "From a writer's turn to its durable commit.");
  Family<Gauge>& writers_waiting = gauge("weir_lake_writers_waiting", "Writers that wait for their turn to commit.");

  // The library frees a removed series, so whoever uses a connector's series keeps `forget_connector` out.
  std::mutex connectors_mutex;
  std::mutex routes_mutex;
  std::set<std::string> routes;
  std::mutex collectors_mutex;
  std::map<const void*, std::function<void()>> collectors;

  std::string route_label(const std::string& route) {
    const std::lock_guard lock(routes_mutex);
    if (routes.contains(route)) return route;
    if (routes.size() >= kRoutesMax) return std::string(kOther);
    routes.insert(route);
    return route;
  }

 private:
  Family<Counter>& counter(const char* name, const char* help) {
    return prometheus::BuildCounter().Name(name).Help(help).Register(registry);
  }
  Family<Gauge>& gauge(const char* name, const char* help) {
    return prometheus::BuildGauge().Name(name).Help(help).Register(registry);
  }
  Family<Histogram>& histogram(const char* name, const char* help) {
    return prometheus::BuildHistogram().Name(name).Help(help).Register(registry);
  }
};

Metrics::Metrics() : families_(std::make_unique<Families>()) {
  families_->build_info.Add({{"version", WEIR_VERSION}}).Set(1);
  // Present from the start, so that a dashboard shows 0 and not "no data".
  families_->queries_running.Add({});
  families_->rows.Add({});
  families_->connections.Add({});
  families_->writers_waiting.Add({});
}

Metrics::~Metrics() = default;

void Metrics::query_started() { families_->queries_running.Add({}).Increment(); }

void Metrics::query_finished(const std::string& outcome, double seconds) {
  families_->queries_running.Add({}).Decrement();
  families_->queries.Add({{"outcome", outcome_label(outcome)}}).Increment();
  families_->query_seconds.Add({}, kSeconds).Observe(seconds);
}

void Metrics::rows_returned(uint64_t rows) { families_->rows.Add({}).Increment(static_cast<double>(rows)); }

void Metrics::scan_finished(const std::string& connector, const std::string& outcome, double seconds, uint64_t rows,
                            uint64_t bytes) {
  const std::lock_guard lock(families_->connectors_mutex);
  families_->scans.Add({{"connector", connector}, {"outcome", outcome_label(outcome)}}).Increment();
  families_->scan_seconds.Add({{"connector", connector}}, kSeconds).Observe(seconds);
  families_->scan_rows.Add({{"connector", connector}}).Increment(static_cast<double>(rows));
  families_->scan_bytes.Add({{"connector", connector}}).Increment(static_cast<double>(bytes));
}

void Metrics::pool(const std::string& connector, int in_use, int idle, int max) {
  const std::lock_guard lock(families_->connectors_mutex);
  families_->pool_size.Add({{"connector", connector}, {"state", "in_use"}}).Set(in_use);
  families_->pool_size.Add({{"connector", connector}, {"state", "idle"}}).Set(idle);
  families_->pool_max.Add({{"connector", connector}}).Set(max);
}

void Metrics::connector_up(const std::string& connector, bool up) {
  const std::lock_guard lock(families_->connectors_mutex);
  families_->up.Add({{"connector", connector}}).Set(up ? 1 : 0);
}

void Metrics::forget_connector(const std::string& connector) {
  const std::lock_guard lock(families_->connectors_mutex);
  const prometheus::Labels labels{{"connector", connector}};
  drop(families_->scan_seconds, labels, kSeconds);
  drop(families_->scan_rows, labels);
  drop(families_->scan_bytes, labels);
  drop(families_->pool_max, labels);
  drop(families_->up, labels);
  for (const char* state : {"in_use", "idle"}) {
    drop(families_->pool_size, {{"connector", connector}, {"state", state}});
  }
  for (const std::string_view outcome : {std::string_view("ok"), kOther}) {
    drop(families_->scans, {{"connector", connector}, {"outcome", std::string(outcome)}});
  }
  for (const ErrorInfo& info : error_table()) {
    drop(families_->scans, {{"connector", connector}, {"outcome", std::string(info.name)}});
  }
}

void Metrics::http_request(const std::string& route, const std::string& method, int status, double seconds) {
  const std::string pattern = families_->route_label(route);
  const bool known_status = status >= 100 && status <= 599;
  families_->requests
      .Add({{"route", pattern},
            {"method", method_label(method)},
            {"status", known_status ? std::to_string(status) : std::string(kOther)}})
      .Increment();
  families_->request_seconds.Add({{"route", pattern}}, kSeconds).Observe(seconds);
}

void Metrics::http_connections(int open) { families_->connections.Add({}).Set(open); }

void Metrics::lake_commit(double seconds, bool ok) {
  families_->commits.Add({{"outcome", ok ? "ok" : "failed"}}).Increment();
  families_->commit_seconds.Add({}, kSeconds).Observe(seconds);
}

void Metrics::lake_writers_waiting(int count) { families_->writers_waiting.Add({}).Set(count); }

void Metrics::add_collector(const void* owner, std::function<void()> collect) {
  const std::lock_guard lock(families_->collectors_mutex);
  families_->collectors.insert_or_assign(owner, std::move(collect));
}

void Metrics::remove_collector(const void* owner) {
  const std::lock_guard lock(families_->collectors_mutex);
  families_->collectors.erase(owner);
}

std::string Metrics::text() const {
  {
    const std::lock_guard lock(families_->collectors_mutex);
    for (const auto& [owner, collect] : families_->collectors) collect();
  }
  return prometheus::TextSerializer().Serialize(families_->registry.Collect());
}

}  // namespace weir::telemetry
