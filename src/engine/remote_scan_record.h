/// What one federated scan of a statement has done so far: its plan's part is fixed, its run's part grows.
#pragma once

#include <mutex>

#include "connector/source.h"
#include "plan/scan_summary.h"

namespace weir::engine {

/// Thread-safe.
class ScanRecord {
 public:
  explicit ScanRecord(plan::ScanSummary planned) : summary_(std::move(planned)) {}

  plan::ScanSummary summary() const;
  /// Before the statement runs (again).
  void reset();
  /// Adds a read that has ended: a recursive query may read a table several times.
  void add(const connector::ReadStats& read);

 private:
  mutable std::mutex mutex_;
  plan::ScanSummary summary_;
};

}  // namespace weir::engine
