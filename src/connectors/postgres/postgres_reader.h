/// One statement's rows, from the wire into batches.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <stop_token>
#include <string>

#include "base/bounded_queue.h"
#include "base/result.h"
#include "connector/source.h"
#include "connectors/postgres/postgres_connection.h"
#include "connectors/postgres/postgres_decoder.h"
#include "connectors/postgres/postgres_introspection.h"
#include "plan/scan.h"

namespace weir::postgres {

using BatchQueue = BoundedQueue<connector::Batch>;

/// What all readers of one scan have counted so far.
class ReadProgress {
 public:
  void request_sent();
  void arrived(uint64_t rows, uint64_t bytes);

  uint64_t rows() const { return rows_; }
  uint64_t bytes() const { return bytes_; }
  /// From the first request to the last row so far.
  double duration_ms() const;

 private:
  using Ticks = std::chrono::steady_clock::rep;
  std::atomic<uint64_t> rows_ = 0;
  std::atomic<uint64_t> bytes_ = 0;
  std::atomic<Ticks> first_request_ = 0;
  std::atomic<Ticks> last_row_ = 0;
};

/// Decodes the rows of one reader and hands full batches to the queue. One thread.
class BatchSink {
 public:
  BatchSink(const plan::Scan& scan, const DecodeLimits& limits, BatchQueue& queue, ReadProgress& progress,
            std::stop_token stop);

  /// Errors of both: those of BatchDecoder; cancelled when nobody wants more.
  Status add_copy_row(std::span<const char> message);
  Status add_values(std::span<const WireValue> row);
  /// The source has nothing ready: hands over what is there when the consumer has waited long enough for it.
  Status source_waits();
  /// Hands over the rest.
  Status flush();

  uint64_t bytes_seen() const { return bytes_seen_; }
  size_t width() const { return width_; }

 private:
  BatchDecoder decoder_;
  const size_t width_;
  BatchQueue& queue_;
  ReadProgress& progress_;
  const std::stop_token stop_;
  uint64_t bytes_seen_ = 0;
  uint64_t bytes_reported_ = 0;
  std::chrono::steady_clock::time_point last_flush_;
};

/// Runs `COPY … TO STDOUT (FORMAT binary)` to its end.
Status read_copy(Connection& connection, const std::string& text, BatchSink& sink, Waiter& waiter);

/// Reads the rows of a statement that has been sent. `expected_oids` are the types that the columns must have, because
/// the decoder trusts the plan; a difference is schema_drift.
Status read_select(Connection& connection, const plan::Scan& scan, const std::vector<uint32_t>& expected_oids,
                   BatchSink& sink, Waiter& waiter);

/// The oids for `read_select`; 0 where the cache knows nothing. Errors: schema_drift when the cached schema has moved
/// on since the scan was planned.
Result<std::vector<uint32_t>> expected_oids(const plan::Scan& scan, const Introspection* known);

}  // namespace weir::postgres
