#include "engine/remote_scan_record.h"

namespace weir::engine {

plan::ScanSummary ScanRecord::summary() const {
  const std::lock_guard lock(mutex_);
  return summary_;
}

void ScanRecord::reset() {
  const std::lock_guard lock(mutex_);
  summary_.remote_query.reset();
  summary_.scan_duration_ms = 0;
  summary_.rows_returned = 0;
  summary_.bytes_received = 0;
}

void ScanRecord::add(const connector::ReadStats& read) {
  const std::lock_guard lock(mutex_);
  if (!read.remote_query.empty()) summary_.remote_query = read.remote_query;
  summary_.scan_duration_ms += read.duration_ms;
  summary_.rows_returned += read.rows;
  summary_.bytes_received += read.bytes;
}

}  // namespace weir::engine
