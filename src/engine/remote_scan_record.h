/// What one federated scan of a statement has done so far: its plan's part is fixed, its run's part grows.
#pragma once

#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "connector/source.h"
#include "plan/scan.h"
#include "plan/scan_summary.h"

namespace weir::engine {

/// Thread-safe.
class ScanRecord {
 public:
  /// `next_parameter`: the number of the first constant that the summary does not show yet.
  ScanRecord(plan::ScanSummary planned, int next_parameter)
      : next_parameter_(next_parameter),
        filters_planned_(planned.filters_pushed.size()),
        reasons_planned_(planned.residual_reasons.size()),
        summary_(std::move(planned)) {}

  plan::ScanSummary summary() const;
  /// Before the statement runs (again).
  void reset();
  /// What the joins of the running statement have added.
  void add_filters(const std::vector<plan::ExpressionPtr>& filters, std::span<const plan::Column> columns);
  void add_reasons(const std::vector<std::string>& reasons);
  /// Adds a read that has ended: a recursive query may read a table several times.
  void add(const connector::ReadStats& read);

 private:
  const int next_parameter_;
  const size_t filters_planned_;
  const size_t reasons_planned_;
  mutable std::mutex mutex_;
  plan::ScanSummary summary_;
};

}  // namespace weir::engine
