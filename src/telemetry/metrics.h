/// Metrics of the process: named once here, kept by prometheus-cpp, served as Prometheus text.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

namespace weir::telemetry {

/// How a connector's live copy stands.
struct SyncGauges {
  std::optional<double> lag_seconds;  ///< nothing: not known
  uint64_t behind_bytes = 0, retained_bytes = 0, spilled_bytes = 0;
  uint64_t hot_rows = 0;
  std::map<std::string, int> tables;  ///< by phase
};

/// Thread-safe. A metric's name, help and labels are declared in metrics.cc only; callers use these functions.
class Metrics {
 public:
  Metrics();
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  void query_started();
  /// `outcome`: "ok" or the error code.
  void query_finished(const std::string& outcome, double seconds);
  void rows_returned(uint64_t rows);
  void scan_finished(const std::string& connector, const std::string& outcome, double seconds, uint64_t rows,
                     uint64_t bytes);
  void pool(const std::string& connector, int in_use, int idle, int max);
  void connector_up(const std::string& connector, bool up);
  void sync_state(const std::string& connector, const SyncGauges& gauges);
  void sync_committed(const std::string& connector, double seconds, uint64_t events);
  void sync_folded(const std::string& connector, double seconds, uint64_t rows);
  void sync_failed(const std::string& connector, const std::string& code);
  void forget_connector(const std::string& connector);
  void http_request(const std::string& route, const std::string& method, int status, double seconds);
  void http_connections(int open);
  void lake_commit(double seconds, bool ok);
  void lake_writers_waiting(int count);

  /// Runs `collect` before each `text`, for gauges that are read rather than told. It may call the functions above.
  void add_collector(const void* owner, std::function<void()> collect);
  /// Waits until a running `text` is done with it.
  void remove_collector(const void* owner);

  /// Prometheus text format 0.0.4.
  std::string text() const;

 private:
  struct Families;
  std::unique_ptr<Families> families_;
};

}  // namespace weir::telemetry
