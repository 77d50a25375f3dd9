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
#include "telemetry/method_label.h"

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

constexpr std::array<const char*, 5> kPhases = {"pending", "snapshotting", "streaming", "errored", "disabled"};

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

  Family<Gauge>& sync_lag = gauge("weir_sync_lag_seconds", "How old a connector's live copies are.");
  Family<Gauge>& sync_behind =
      gauge("weir_sync_behind_bytes", "The source's log between what it was told is durable here and its end.");
  Family<Gauge>& sync_retained = gauge("weir_sync_retained_bytes", "The log that the source keeps because of us.");
  Family<Gauge>& sync_spilled = gauge("weir_sync_spilled_bytes", "Open transactions of the source that wait on disk.");
  Family<Gauge>& sync_hot = gauge("weir_sync_hot_rows", "Rows that are not folded into the lake yet.");
  Family<Gauge>& sync_tables = gauge("weir_sync_tables", "Tables of a live copy by phase.");
  Family<Counter>& sync_events = counter("weir_sync_events_total", "Rows and truncations that were landed.");
  Family<Histogram>& sync_commits = histogram("weir_sync_commit_duration_seconds", "Time of a durable commit.");
  Family<Histogram>& sync_folds = histogram("weir_sync_fold_duration_seconds", "Time of a fold that moved rows.");
  Family<Counter>& sync_folded = counter("weir_sync_folded_rows_total", "Rows that folds moved into the lake.");
  Family<Counter>& sync_errors = counter("weir_sync_errors_total", "What interrupted a live copy, by error code.");

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

void Metrics::sync_state(const std::string& connector, const SyncGauges& gauges) {
  const std::lock_guard lock(families_->connectors_mutex);
  const prometheus::Labels labels{{"connector", connector}};
  if (gauges.lag_seconds) {
    families_->sync_lag.Add(labels).Set(*gauges.lag_seconds);
  } else {
    drop(families_->sync_lag, labels);
  }
  families_->sync_behind.Add(labels).Set(static_cast<double>(gauges.behind_bytes));
  families_->sync_retained.Add(labels).Set(static_cast<double>(gauges.retained_bytes));
  families_->sync_spilled.Add(labels).Set(static_cast<double>(gauges.spilled_bytes));
  families_->sync_hot.Add(labels).Set(static_cast<double>(gauges.hot_rows));
  for (const char* phase : kPhases) {
    const auto found = gauges.tables.find(phase);
    families_->sync_tables.Add({{"connector", connector}, {"phase", phase}})
        .Set(found == gauges.tables.end() ? 0 : found->second);
  }
}

void Metrics::sync_committed(const std::string& connector, double seconds, uint64_t events) {
  const std::lock_guard lock(families_->connectors_mutex);
  families_->sync_commits.Add({{"connector", connector}}, kSeconds).Observe(seconds);
  families_->sync_events.Add({{"connector", connector}}).Increment(static_cast<double>(events));
}

void Metrics::sync_folded(const std::string& connector, double seconds, uint64_t rows) {
  const std::lock_guard lock(families_->connectors_mutex);
  families_->sync_folds.Add({{"connector", connector}}, kSeconds).Observe(seconds);
  families_->sync_folded.Add({{"connector", connector}}).Increment(static_cast<double>(rows));
}

void Metrics::sync_failed(const std::string& connector, const std::string& code) {
  const std::lock_guard lock(families_->connectors_mutex);
  families_->sync_errors.Add({{"connector", connector}, {"code", outcome_label(code)}}).Increment();
}

void Metrics::forget_connector(const std::string& connector) {
  const std::lock_guard lock(families_->connectors_mutex);
  const prometheus::Labels labels{{"connector", connector}};
  drop(families_->scan_seconds, labels, kSeconds);
  drop(families_->scan_rows, labels);
  drop(families_->scan_bytes, labels);
  drop(families_->pool_max, labels);
  drop(families_->up, labels);
  for (auto* family : {&families_->sync_lag, &families_->sync_behind, &families_->sync_retained,
                       &families_->sync_spilled, &families_->sync_hot}) {
    drop(*family, labels);
  }
  for (auto* family : {&families_->sync_events, &families_->sync_folded}) drop(*family, labels);
  for (auto* family : {&families_->sync_commits, &families_->sync_folds}) drop(*family, labels, kSeconds);
  for (const char* phase : kPhases) drop(families_->sync_tables, {{"connector", connector}, {"phase", phase}});
  for (const char* state : {"in_use", "idle"}) {
    drop(families_->pool_size, {{"connector", connector}, {"state", state}});
  }
  for (const std::string_view outcome : {std::string_view("ok"), kOther}) {
    drop(families_->scans, {{"connector", connector}, {"outcome", std::string(outcome)}});
  }
  for (const ErrorInfo& info : error_table()) {
    drop(families_->scans, {{"connector", connector}, {"outcome", std::string(info.name)}});
    drop(families_->sync_errors, {{"connector", connector}, {"code", std::string(info.name)}});
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
