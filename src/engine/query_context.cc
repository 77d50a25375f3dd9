#include "engine/query_context.h"

#include <algorithm>

#include "engine/remote_connector.h"
#include "engine/remote_scan_read.h"
#include "engine/remote_scan_record.h"
#include "lake/lake.h"

namespace weir::engine {
namespace {

constexpr const char* kStateKey = "weir_query";

}  // namespace

duckdb::shared_ptr<QueryContext> QueryContext::install(duckdb::ClientContext& client, Principal principal) {
  auto state = duckdb::make_shared_ptr<QueryContext>(std::move(principal));
  client.registered_state->Remove(kStateKey);
  client.registered_state->Insert(kStateKey, state);
  return state;
}

duckdb::shared_ptr<QueryContext> QueryContext::of(duckdb::ClientContext& client) {
  return client.registered_state->Get<QueryContext>(kStateKey);
}

std::vector<plan::ScanSummary> QueryContext::scans() const {
  const std::lock_guard lock(mutex_);
  std::vector<plan::ScanSummary> summaries;
  summaries.reserve(records_.size());
  for (const auto& record : records_) summaries.push_back(record->summary());
  return summaries;
}

std::vector<Freshness> QueryContext::freshness() const {
  std::vector<Freshness> entries;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& copy : copies_) entries.push_back(copy.freshness);
  }
  for (const auto& scan : scans()) {
    auto table = scan.source + "." + scan.table;
    if (std::ranges::find(entries, table, &Freshness::table) != entries.end()) continue;
    entries.push_back(
        {.table = std::move(table), .served = "live", .snapshot_id = {}, .position = {}, .lag_seconds = {}});
  }
  return entries;
}

void QueryContext::reads_copy(const std::string& connector, const plan::TableName& table,
                              const connector::CopyState& state) {
  if (state.stopped) {
    warn("the copy of " + connector + "." + table.to_string() +
         " does not follow its source any more: " + state.why_not);
  }
  const std::lock_guard lock(mutex_);
  const auto same = [&](const ReadCopy& copy) { return copy.connector == connector && copy.table == table; };
  if (std::ranges::any_of(copies_, same)) return;
  // The snapshots that are read were taken at the first of them.
  auto position = state.position;
  for (const auto& copy : copies_) {
    if (copy.connector == connector && !copy.stopped && !state.stopped)
      position = std::min(position, copy.freshness.position.value_or(position));
  }
  copies_.push_back({connector,
                     table,
                     {.table = connector + "." + table.to_string(),
                      .served = "synced",
                      .snapshot_id = {},
                      .position = std::move(position),
                      .lag_seconds = state.lag_seconds},
                     state.stopped});
}

bool QueryContext::notes_snapshot(const std::string& lake_table, int64_t snapshot) {
  const std::lock_guard lock(mutex_);
  const auto copy = std::ranges::find_if(copies_, [&](const ReadCopy& one) {
    return lake_table == std::string(lake::kCatalog) + "." + one.freshness.table;
  });
  if (copy == copies_.end()) return false;
  copy->freshness.snapshot_id = snapshot;
  return true;
}

std::vector<QueryContext::ReadCopy> QueryContext::copies() const {
  const std::lock_guard lock(mutex_);
  return copies_;
}

std::vector<std::string> QueryContext::warnings() const {
  const std::lock_guard lock(mutex_);
  return warnings_;
}

void QueryContext::warn(std::string text) {
  const std::lock_guard lock(mutex_);
  if (std::ranges::find(warnings_, text) == warnings_.end()) warnings_.push_back(std::move(text));
}

void QueryContext::forget() {
  const std::lock_guard lock(mutex_);
  error_.reset();
  cut_ = false;
  warnings_.clear();
  copies_.clear();
  bound_.clear();
  records_.clear();
}

void QueryContext::take_a_part(bool allowed) {
  const std::lock_guard lock(mutex_);
  takes_a_part_ = allowed;
}

bool QueryContext::takes_a_part() const {
  const std::lock_guard lock(mutex_);
  return takes_a_part_;
}

void QueryContext::was_cut(const std::string& connector) {
  warn("rows are missing: the query reached a limit of the connector " + connector);
  const std::lock_guard lock(mutex_);
  cut_ = true;
}

bool QueryContext::cut() const {
  const std::lock_guard lock(mutex_);
  return cut_;
}

uint64_t QueryContext::rows_read() const {
  std::vector<std::weak_ptr<RemoteRead>> reads;
  uint64_t rows = 0;
  {
    const std::lock_guard lock(mutex_);
    reads = reads_;
    // Of the reads that have ended.
    for (const auto& record : records_) rows += record->summary().rows_returned;
  }
  for (const auto& weak : reads) {
    if (const auto read = weak.lock()) rows += read->rows();
  }
  return rows;
}

void QueryContext::cancel() {
  std::vector<std::weak_ptr<RemoteRead>> reads;
  {
    const std::lock_guard lock(mutex_);
    cancelled_ = true;
    reads.swap(reads_);
  }
  for (const auto& weak : reads) {
    if (auto read = weak.lock()) read->cancel();
  }
}

bool QueryContext::cancelled() const {
  const std::lock_guard lock(mutex_);
  return cancelled_;
}

void QueryContext::fail(Error error) {
  const std::lock_guard lock(mutex_);
  if (!error_) error_ = std::move(error);
}

std::optional<Error> QueryContext::take_error() {
  const std::lock_guard lock(mutex_);
  return std::exchange(error_, std::nullopt);
}

void QueryContext::bound(std::vector<std::shared_ptr<const BoundTable>> tables) {
  const std::lock_guard lock(mutex_);
  bound_ = std::move(tables);
}

std::vector<std::shared_ptr<const BoundTable>> QueryContext::take_bound() {
  const std::lock_guard lock(mutex_);
  return std::exchange(bound_, {});
}

void QueryContext::planned(std::vector<std::shared_ptr<ScanRecord>> records) {
  if (records.empty()) return;
  const std::lock_guard lock(mutex_);
  records_ = std::move(records);
  records_are_of_earlier_run_ = false;
}

Status QueryContext::started(const std::shared_ptr<ScanRecord>& record, std::weak_ptr<RemoteRead> read) {
  const std::lock_guard lock(mutex_);
  if (cancelled_) return weir::fail(ErrorCode::cancelled, "the query was cancelled");
  if (std::exchange(records_are_of_earlier_run_, false)) {
    for (const auto& earlier : records_) earlier->reset();
  }
  if (std::ranges::find(records_, record) == records_.end()) records_.push_back(record);
  std::erase_if(reads_, [](const auto& weak) { return weak.expired(); });
  reads_.push_back(std::move(read));
  return {};
}

std::shared_ptr<SharedTransaction> QueryContext::transaction(const std::string& connector_id) {
  const std::lock_guard lock(mutex_);
  auto& shared = transactions_[connector_id];
  if (!shared) shared = std::make_shared<SharedTransaction>();
  return shared;
}

void QueryContext::QueryBegin(duckdb::ClientContext&) {
  // A plan may run again, and its scans then count anew; a statement without scans, as COMMIT, leaves them as they are.
  const std::lock_guard lock(mutex_);
  records_are_of_earlier_run_ = true;
}

void QueryContext::QueryEnd(duckdb::ClientContext&) {
  decltype(transactions_) ended;
  decltype(reads_) reads;
  {
    const std::lock_guard lock(mutex_);
    ended.swap(transactions_);
    reads.swap(reads_);
  }
  // A read that a LIMIT above it cut short may outlive the query in one of DuckDB's tasks: it is counted now, so that
  // the summary is complete.
  for (const auto& weak : reads) {
    if (auto read = weak.lock()) read->finish();
  }
}

}  // namespace weir::engine
