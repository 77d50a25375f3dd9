/// The roles of a connector. A source implements those it has; what it cannot do it says as data, never by throwing.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "batch/arrow_owners.h"
#include "plan/capabilities.h"
#include "plan/scan.h"

namespace weir::connector {

/// What the source has counted of a column's values; steers costs only, may be stale.
struct ColumnStatistics {
  double distinct_values = 0;  ///< 0: not known
  double null_share = 0;
  double correlation = 0;  ///< of the order of the values with the places of their rows: -1 to 1
  bool leads_an_index = false;
};

/// A table as introspection found it.
struct TableInfo {
  plan::TableName name;
  std::vector<plan::Column> columns;
  std::vector<std::string> primary_key;  ///< column names in key order; empty: none
  uint64_t estimated_rows = 0;           ///< steers costs only, may be stale
  uint64_t estimated_bytes = 0;
  std::vector<ColumnStatistics> statistics = {};  ///< of all columns, or of none; like the estimates
};

/// All tables inside a connector's scope, as of one moment. Immutable and shared.
struct SourceSchema {
  std::map<plan::TableName, TableInfo> tables;
  std::chrono::system_clock::time_point read_at;
};
using SourceSchemaPtr = std::shared_ptr<const SourceSchema>;

/// Counters of one running or finished read.
struct ReadStats {
  uint64_t rows = 0;
  uint64_t bytes = 0;        ///< payload bytes as the source sent them
  double duration_ms = 0;    ///< from the first request to the last row so far
  std::string remote_query;  ///< the text as sent (one of them, when a read is split into ranges)
  int streams = 0;           ///< connections that read in parallel
  bool cut = false;          ///< ended at a limit, with rows missing
};

/// One batch of rows, in the column order of the request. `rows` counts even when there are no columns.
struct Batch {
  batch::OwnedArray columns;  ///< a struct array: one child per projected column
  int64_t rows = 0;
};

/// A read in progress. Its own threads fill a bounded queue; the consumer never blocks.
class BatchStream {
 public:
  enum class State : uint8_t { batch, pending, end };
  struct Poll {
    State state = State::end;
    Batch batch;  ///< set when `state` is `batch`
  };

  virtual ~BatchStream() = default;  ///< cancels on the source what is unfinished, and waits for its threads
  /// The next batch, the end, or `pending`: then `on_ready` is called once, from a reader's thread, as soon as another
  /// poll would answer something else. Errors: source_*, schema_drift, value_out_of_range, cancelled.
  /// Thread-safe: several consumers may poll, each batch goes to one of them.
  virtual Result<Poll> poll(std::function<void()> on_ready) = 0;
  /// Stops reading and cancels on the source; later polls answer `cancelled`. Thread-safe, returns at once.
  virtual void cancel() = 0;
  virtual ReadStats stats() const = 0;
  /// How many consumers can usefully poll at the same time.
  virtual int parallelism() const = 0;
};

/// How a query wants its tables read.
struct ReadOptions {
  int streams_max = 1;           ///< connections for one table
  uint64_t queue_bytes_max = 0;  ///< bound of the queue between readers and consumer
  bool partial = false;          ///< at a limit of the source end, and do not fail
};

/// All reads that one query makes on one source. When a read is split or there is more than one, all of them see one
/// snapshot of the source.
class ReadTransaction {
 public:
  virtual ~ReadTransaction() = default;
  /// Starts reading, and returns at once: connecting and waiting are left to the stream's own threads, and their errors
  /// to its polls. Errors: out_of_memory.
  virtual Result<std::unique_ptr<BatchStream>> read(const plan::Scan& scan, const ReadOptions& options) = 0;
};

/// The connection pool of a source, for status and metrics.
struct PoolStats {
  int in_use = 0;
  int idle = 0;
  int max = 0;
  uint64_t opened_total = 0;
  uint64_t reconnects_total = 0;
};

/// What a test of the connection found.
struct ConnectionReport {
  std::string version;  ///< "PG 15.4"
  bool tls = false;     ///< the test's connection was encrypted
  double round_trip_ms = 0;
  std::vector<std::string> warnings;
};

class ChangeSource;

/// An external system, opened from a registered spec. Thread-safe. Opening does not connect.
class Source {
 public:
  virtual ~Source() = default;
  /// Static facts; `text_is_utf8` and the like are known after the first connection.
  virtual Result<plan::Capabilities> capabilities() = 0;
  /// The tables in scope; cached (see `connection.schema_cache_seconds`), read anew when `refresh` is set.
  virtual Result<SourceSchemaPtr> schema(bool refresh) = 0;
  /// Drops the cached schema, after drift was seen.
  virtual void forget_schema() = 0;
  /// Begins the reads of one query, without waiting. `expected_reads` is how many `read` calls the plan will make (at
  /// least 1).
  virtual Result<std::unique_ptr<ReadTransaction>> begin(int expected_reads) = 0;
  /// As `begin`, for reads that see the source as of a SnapshotPoint of that name.
  virtual Result<std::unique_ptr<ReadTransaction>> begin_at(const std::string& snapshot);
  /// The role of a source whose tables can be copied and followed; empty when it has none.
  virtual std::shared_ptr<ChangeSource> changes();
  /// Connects anew and asks for the version. Errors: source_*, tls_*.
  virtual Result<ConnectionReport> test() = 0;
  virtual PoolStats pool() const = 0;
};

}  // namespace weir::connector
