#include "connectors/postgres/postgres_reader.h"

#include <algorithm>
#include <utility>
#include <vector>

#include <libpq-fe.h>

#include "connectors/postgres/type_oids.h"

namespace weir::postgres {
namespace {

using std::chrono::steady_clock;

/// A consumer waits at most so long for rows that have arrived while the source is slow to send more.
constexpr auto kFlushEvery = std::chrono::milliseconds(20);

/// The server sends in blocks of 8 KB, and a reader that keeps up is woken for each. Reading in larger bites, on idle
/// cores and 2 million rows: our CPU 1.09 to 0.56 s, the server's 1.44 to 1.06 s, wall 1.53 to 1.05 s; on busy cores
/// it costs up to a tenth of ours. Bites of 256 KB after 0.4 ms: another 5 % of our CPU over 64 KB after 0.2 ms
/// (lineitem). Only streams that have shown to be large pause, so small reads are never delayed.
constexpr uint64_t kPauseAfterBytes = 1 << 20;
constexpr size_t kWorthReadingBytes = 256 << 10;
constexpr auto kPause = std::chrono::microseconds(400);

std::vector<plan::Column> projected(const plan::Scan& scan) {
  std::vector<plan::Column> columns;
  for (const size_t index : scan.projection) columns.push_back(scan.columns[index]);
  return columns;
}

Status wait_for_more(Connection& connection, const BatchSink& sink, Waiter& waiter) {
  if (sink.bytes_seen() > kPauseAfterBytes && connection.bytes_waiting() < kWorthReadingBytes) waiter.pause(kPause);
  return connection.receive(waiter, kNoDeadline);
}

/// The results behind the rows: the command's end, or the error that cut it short.
Status finish(Connection& connection, Waiter& waiter) {
  for (;;) {
    const ResultHandle result = WEIR_TRY(connection.next_result(waiter, kNoDeadline));
    if (result == nullptr) return {};
    WEIR_TRY(connection.check(result.get()));
  }
}

Status check_oids(const pg_result* result, const plan::Scan& scan, const std::vector<uint32_t>& expected) {
  for (size_t i = 0; i < expected.size(); i++) {
    const uint32_t sent = PQftype(result, static_cast<int>(i));
    if (expected[i] == 0 || sent == expected[i]) continue;
    return fail(ErrorCode::schema_drift, "a column has another type on the source: " + scan.table.to_string() + "." +
                                             scan.columns[scan.projection[i]].name);
  }
  return {};
}

}  // namespace

void ReadProgress::request_sent() {
  Ticks none = 0;
  first_request_.compare_exchange_strong(none, steady_clock::now().time_since_epoch().count());
}

void ReadProgress::arrived(uint64_t rows, uint64_t bytes) {
  rows_ += rows;
  bytes_ += bytes;
  last_row_ = steady_clock::now().time_since_epoch().count();
}

double ReadProgress::duration_ms() const {
  const Ticks first = first_request_, last = last_row_;
  if (first == 0 || last <= first) return 0;
  return std::chrono::duration<double, std::milli>(steady_clock::duration(last - first)).count();
}

BatchSink::BatchSink(const plan::Scan& scan, const DecodeLimits& limits, BatchQueue& queue, ReadProgress& progress,
                     std::stop_token stop)
    : decoder_(scan.table.to_string(), projected(scan), limits),
      width_(scan.projection.size()),
      queue_(queue),
      progress_(progress),
      stop_(std::move(stop)),
      last_flush_(steady_clock::now()) {}

Status BatchSink::add_copy_row(std::span<const char> message) {
  bytes_seen_ += message.size();
  WEIR_TRY(decoder_.append_copy_row(message));
  return decoder_.full() ? flush() : Status();
}

Status BatchSink::add_values(std::span<const WireValue> row) {
  for (const WireValue& value : row) bytes_seen_ += static_cast<uint64_t>(std::max(value.length, 0));
  WEIR_TRY(decoder_.append_values(row));
  return decoder_.full() ? flush() : Status();
}

Status BatchSink::source_waits() {
  if (decoder_.rows() == 0 || steady_clock::now() - last_flush_ < kFlushEvery) return {};
  return flush();
}

Status BatchSink::flush() {
  const auto rows = decoder_.rows();
  const auto bytes = decoder_.bytes();
  progress_.arrived(static_cast<uint64_t>(rows), bytes_seen_ - bytes_reported_);
  bytes_reported_ = bytes_seen_;
  if (rows == 0) return {};
  auto batch = WEIR_TRY(decoder_.take());
  if (!queue_.push(std::move(batch), bytes, stop_)) return fail(ErrorCode::cancelled, "the read was cancelled");
  last_flush_ = steady_clock::now();
  return {};
}

Status read_copy(Connection& connection, const std::string& text, BatchSink& sink, Waiter& waiter) {
  WEIR_TRY(connection.send(text, waiter, kNoDeadline));
  const ResultHandle begun = WEIR_TRY(connection.next_result(waiter, kNoDeadline));
  WEIR_TRY(connection.check(begun.get()));
  for (;;) {
    const CopyMessage message = WEIR_TRY(connection.copy_message());
    if (message.state == CopyMessage::State::end) break;
    if (message.state == CopyMessage::State::row) {
      WEIR_TRY(sink.add_copy_row(message.bytes()));
    } else {
      WEIR_TRY(sink.source_waits());
      WEIR_TRY(wait_for_more(connection, sink, waiter));
    }
  }
  return finish(connection, waiter);
}

Status read_select(Connection& connection, const plan::Scan& scan, const std::vector<uint32_t>& expected_oids,
                   BatchSink& sink, Waiter& waiter) {
  std::vector<WireValue> row(sink.width());
  bool checked = false;
  for (;;) {
    if (connection.must_wait()) WEIR_TRY(sink.source_waits());
    const ResultHandle result = WEIR_TRY(connection.next_result(waiter, kNoDeadline));
    if (result == nullptr) return {};
    WEIR_TRY(connection.check(result.get()));
    if (!std::exchange(checked, true)) WEIR_TRY(check_oids(result.get(), scan, expected_oids));
    if (PQresultStatus(result.get()) != PGRES_SINGLE_TUPLE) continue;
    for (size_t i = 0; i < row.size(); i++) {
      const int column = static_cast<int>(i);
      const bool null = PQgetisnull(result.get(), 0, column) != 0;
      row[i] = {PQgetvalue(result.get(), 0, column), null ? -1 : PQgetlength(result.get(), 0, column)};
    }
    WEIR_TRY(sink.add_values(row));
  }
}

Result<std::vector<uint32_t>> expected_oids(const plan::Scan& scan, const Introspection* known) {
  std::vector<uint32_t> expected(scan.projection.size(), 0);
  // What a query reads is examined before it runs.
  if (known == nullptr || scan.query) return expected;
  const auto table = known->schema->tables.find(scan.table);
  const auto oids = known->oids.find(scan.table);
  if (table == known->schema->tables.end() || oids == known->oids.end()) return expected;
  for (size_t i = 0; i < expected.size(); i++) {
    const plan::Column& column = scan.columns[scan.projection[i]];
    const auto& now = table->second.columns;
    const auto same = std::find_if(now.begin(), now.end(), [&](const plan::Column& other) {
      return other.name == column.name && other.type == column.type && other.source_type == column.source_type;
    });
    if (same == now.end()) {
      return fail(ErrorCode::schema_drift,
                  "a column has changed on the source: " + scan.table.to_string() + "." + column.name);
    }
    expected[i] = oids->second.find(column.name)->second;
    if (column.cast_to_text) expected[i] = column.type.kind == plan::Kind::list ? oid::kTextArray : oid::kText;
  }
  return expected;
}

}  // namespace weir::postgres
