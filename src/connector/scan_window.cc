#include "connector/scan_window.h"

#include <algorithm>
#include <cmath>

namespace weir::connector {
namespace {

constexpr std::chrono::seconds kSlotLength{10};
// Eight buckets for each doubling, from 10 µs on: the last begins at about 2.8 hours.
constexpr double kFirstBucketMs = 0.01;
constexpr double kBucketsPerDoubling = 8;

int64_t slot_number(ScanWindow::Time at) { return at.time_since_epoch() / kSlotLength; }

size_t bucket_of(double duration_ms, size_t buckets) {
  if (!(duration_ms > kFirstBucketMs)) return 0;
  const double bucket = std::floor(kBucketsPerDoubling * std::log2(duration_ms / kFirstBucketMs));
  return static_cast<size_t>(std::min(bucket, static_cast<double>(buckets - 1)));
}

double middle_of(size_t bucket) {
  return kFirstBucketMs * std::exp2((static_cast<double>(bucket) + 0.5) / kBucketsPerDoubling);
}

template <typename Counts>
std::optional<double> quantile(const Counts& counts, uint64_t total, double share) {
  if (total == 0) return std::nullopt;
  const auto rank = static_cast<uint64_t>(std::ceil(share * static_cast<double>(total)));
  uint64_t seen = 0;
  for (size_t bucket = 0; bucket < counts.size(); bucket++) {
    seen += counts[bucket];
    if (seen >= rank) return middle_of(bucket);
  }
  return middle_of(counts.size() - 1);
}

}  // namespace

void ScanWindow::add(Time at, ScanOutcome outcome, double duration_ms, uint64_t rows) {
  const int64_t number = slot_number(at);
  Slot& slot = slots_[static_cast<size_t>(number) % kSlots];
  if (slot.number != number) slot = Slot{.number = number};
  slot.scans++;
  slot.rows += rows;
  if (outcome == ScanOutcome::failed) slot.failures++;
  if (outcome == ScanOutcome::ok) slot.durations[bucket_of(duration_ms, kBuckets)]++;
}

ScanFigures ScanWindow::figures(Time at) const {
  const int64_t last = slot_number(at);
  ScanFigures figures;
  std::array<uint64_t, kBuckets> durations{};
  uint64_t measured = 0;
  for (const Slot& slot : slots_) {
    if (slot.number < 0 || slot.number <= last - static_cast<int64_t>(kSlots)) continue;
    figures.scans += slot.scans;
    figures.failures += slot.failures;
    figures.rows += slot.rows;
    for (size_t bucket = 0; bucket < kBuckets; bucket++) {
      durations[bucket] += slot.durations[bucket];
      measured += slot.durations[bucket];
    }
  }
  figures.p50_ms = quantile(durations, measured, 0.50);
  figures.p99_ms = quantile(durations, measured, 0.99);
  return figures;
}

}  // namespace weir::connector
