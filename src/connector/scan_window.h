/// How the federated scans of a connector went in the last five minutes, in bounded memory.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>

namespace weir::connector {

enum class ScanOutcome : uint8_t { ok, failed, cancelled };

/// Sums over the window; durations are those of scans that succeeded, to within 5 %.
struct ScanFigures {
  std::optional<double> p50_ms, p99_ms;  ///< nothing before the first success
  uint64_t scans = 0;
  uint64_t failures = 0;
  uint64_t rows = 0;
};

/// A ring of ten-second slots, each with a histogram of eight buckets for every doubling (9 % wide).
/// About 30 KB whatever the load. Not thread-safe.
class ScanWindow {
 public:
  using Time = std::chrono::steady_clock::time_point;

  void add(Time at, ScanOutcome outcome, double duration_ms, uint64_t rows);
  /// Over the five minutes that end with the slot of `at`.
  ScanFigures figures(Time at) const;

 private:
  static constexpr size_t kSlots = 30;
  static constexpr size_t kBuckets = 240;
  struct Slot {
    int64_t number = -1;  ///< which ten seconds since the clock's epoch it holds
    uint64_t scans = 0, failures = 0, rows = 0;
    std::array<uint32_t, kBuckets> durations{};
  };

  std::array<Slot, kSlots> slots_;
};

}  // namespace weir::connector
