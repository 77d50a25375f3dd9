#include "engine/remote_scan_record.h"

#include <algorithm>

#include "plan/capabilities.h"

namespace weir::engine {

plan::ScanSummary ScanRecord::summary() const {
  const std::lock_guard lock(mutex_);
  return summary_;
}

void ScanRecord::reset() {
  const std::lock_guard lock(mutex_);
  summary_.remote_query.reset();
  summary_.filters_pushed.resize(filters_planned_);
  summary_.residual_reasons.resize(reasons_planned_);
  summary_.scan_duration_ms = 0;
  summary_.rows_returned = 0;
  summary_.bytes_received = 0;
}

void ScanRecord::add_filters(const std::vector<plan::ExpressionPtr>& filters, std::span<const plan::Column> columns) {
  const std::lock_guard lock(mutex_);
  int next_parameter = next_parameter_;
  for (const auto& filter : filters) {
    const auto shown = plan::display(*filter, columns, next_parameter);
    // A recursive query reads the table again with other keys.
    if (std::ranges::find(summary_.filters_pushed, shown) == summary_.filters_pushed.end()) {
      summary_.filters_pushed.push_back(shown);
    }
  }
}

void ScanRecord::add_reasons(const std::vector<std::string>& reasons) {
  const std::lock_guard lock(mutex_);
  auto& all = summary_.residual_reasons;
  for (const auto& reason : reasons) {
    if (std::ranges::find(all, reason) == all.end()) all.push_back(reason);
  }
}

void ScanRecord::add(const connector::ReadStats& read) {
  const std::lock_guard lock(mutex_);
  if (!read.remote_query.empty()) summary_.remote_query = read.remote_query;
  summary_.scan_duration_ms += read.duration_ms;
  summary_.rows_returned += read.rows;
  summary_.bytes_received += read.bytes;
}

}  // namespace weir::engine
