#include "sync/board.h"

#include <algorithm>
#include <cmath>

#include "base/time.h"

namespace weir::sync {
namespace {

using nlohmann::json;
using std::chrono::seconds;
using std::chrono::steady_clock;
using std::chrono::system_clock;

constexpr seconds kRateWindow{10};
/// `watch` is called more often than this.
constexpr seconds kWatchMax{10};
constexpr size_t kDriftKept = 100;
/// An open stream says something at least so often, as we ask for it; beyond that what we know of the source is old.
constexpr seconds kHeardMax{15};
/// How long a wait sleeps before it looks whether it shall stop.
constexpr std::chrono::milliseconds kStopCheckEvery{100};

double since(steady_clock::time_point at) { return std::chrono::duration<double>(steady_clock::now() - at).count(); }

json rounded(const std::optional<double>& value) {
  return value ? json(std::round(*value * 1000) / 1000) : json(nullptr);
}

json time_or_null(const std::optional<system_clock::time_point>& at) {
  return at ? json(iso8601_utc(*at)) : json(nullptr);
}

json text_or_null(const std::string& text) { return text.empty() ? json(nullptr) : json(text); }

}  // namespace

std::string_view to_string(TablePhase phase) {
  switch (phase) {
    case TablePhase::pending:
      return "pending";
    case TablePhase::snapshotting:
      return "snapshotting";
    case TablePhase::streaming:
      return "streaming";
    case TablePhase::errored:
      return "errored";
    case TablePhase::disabled:
      return "disabled";
  }
  std::unreachable();
}

void Rate::add(Time at, uint64_t events) {
  if (seconds_.empty() || at - seconds_.back().first >= seconds(1)) seconds_.emplace_back(at, 0);
  seconds_.back().second += events;
  while (at - seconds_.front().first > kRateWindow) seconds_.pop_front();
}

double Rate::per_second(Time now) const {
  uint64_t events = 0;
  for (const auto& [at, count] : seconds_) {
    if (now - at <= kRateWindow) events += count;
  }
  return static_cast<double>(events) / static_cast<double>(kRateWindow.count());
}

void Board::set_tables(const std::vector<plan::TableName>& tables) {
  const std::lock_guard lock(mutex_);
  std::erase_if(tables_, [&](const auto& entry) { return std::ranges::find(tables, entry.first) == tables.end(); });
  for (const auto& table : tables) tables_.try_emplace(table);
}

void Board::set_phase(const plan::TableName& table, TablePhase phase, const std::string& reason) {
  std::string from;
  {
    const std::lock_guard lock(mutex_);
    const auto found = tables_.find(table);
    if (found == tables_.end()) return;
    auto& entry = found->second;
    if (phase == TablePhase::errored || phase == TablePhase::disabled) entry.last_error = reason;
    if (entry.phase == phase && entry.reason == reason) return;
    from = to_string(entry.phase);
    entry.phase = phase;
    entry.reason = reason;
  }
  changed_.notify_all();
  note_(table.to_string(), from, std::string(to_string(phase)), reason);
}

void Board::set_all(TablePhase phase, const std::string& reason) {
  std::vector<plan::TableName> names;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [name, table] : tables_) {
      if (table.phase != TablePhase::disabled) names.push_back(name);
    }
  }
  for (const auto& name : names) set_phase(name, phase, reason);
}

void Board::set_paused(bool paused) {
  const std::lock_guard lock(mutex_);
  paused_ = paused;
  if (paused) connected_ = stalled_ = false;
}

void Board::set_error(const std::optional<Error>& error) {
  std::string reason, from, to;
  {
    const std::lock_guard lock(mutex_);
    const bool was_connected = connected_;
    connected_ = !error;
    if (error) last_error_ = error->to_string();
    if (was_connected == connected_ && !error) return;
    from = was_connected ? "streaming" : "errored";
    to = connected_ ? "streaming" : "errored";
    reason = error ? last_error_ : "the stream is open";
  }
  changed_.notify_all();
  note_("", from, to, reason);
}

void Board::set_complete(const plan::TableName& table, bool complete, uint64_t rows) {
  {
    const std::lock_guard lock(mutex_);
    const auto found = tables_.find(table);
    if (found == tables_.end()) return;
    found->second.complete = complete;
    found->second.rows = rows;
  }
  changed_.notify_all();
}

void Board::add_drift(const plan::TableName& table, const std::string& field, const std::string& status) {
  {
    const std::lock_guard lock(mutex_);
    drift_.push_back({table.to_string(), field, status, system_clock::now()});
    if (drift_.size() > kDriftKept) drift_.pop_front();
  }
  note_(table.to_string(), "streaming", "streaming", "schema drift: " + field + " " + status);
}

void Board::landed_rows(const plan::TableName& table, uint64_t events, system_clock::time_point at) {
  const std::lock_guard lock(mutex_);
  const auto now = steady_clock::now();
  rate_.add(now, events);
  const auto found = tables_.find(table);
  if (found == tables_.end()) return;
  found->second.events += events;
  found->second.rate.add(now, events);
  found->second.last_event_at = last_event_at_ = at;
}

void Board::landed(const connector::Position& position, system_clock::time_point committed_at) {
  {
    const std::lock_guard lock(mutex_);
    position_ = position;
    committed_at_ = committed_at;
    moved_at_ = steady_clock::now();
    note_caught_up();
  }
  changed_.notify_all();
}

void Board::stream(const connector::StreamStats& stats) {
  {
    const std::lock_guard lock(mutex_);
    stream_ = stats;
    note_caught_up();
  }
  changed_.notify_all();
}

void Board::source(const connector::ChangeSourceState& state) {
  const std::lock_guard lock(mutex_);
  source_ = state;
  source_at_ = steady_clock::now();
}

void Board::note_caught_up() {
  if (!stream_.source_end.empty() && position_ >= stream_.source_end) caught_up_at_ = steady_clock::now();
}

bool Board::watch(seconds stall_after) {
  const std::lock_guard lock(mutex_);
  const auto end = std::max(stream_.source_end, source_ ? source_->end : connector::Position());
  const bool disabled =
      std::ranges::all_of(tables_, [](const auto& entry) { return entry.second.phase == TablePhase::disabled; });
  if (paused_ || disabled) moved_at_ = steady_clock::now();
  // There is nothing more, as far as the source has told: what it does not tell is not known.
  if (connected_ && position_ >= end) moved_at_ = std::max({moved_at_, stream_.heard_at, source_at_});
  stall_after_ = stall_after;
  stalled_ = steady_clock::now() - moved_at_ > stall_after;
  return !stalled_;
}

/// Whoever watches may hang on the source himself.
bool Board::is_stalled() const {
  if (paused_) return false;
  return stalled_ || (stall_after_ && steady_clock::now() - moved_at_ > *stall_after_ + kWatchMax);
}

bool Board::stalled() const {
  const std::lock_guard lock(mutex_);
  return is_stalled();
}

/// How old the copy is: nothing is known before the first commit. With all landed that the source has told of, it is as
/// old as that news; otherwise as the last commit that landed, by the source's clock. Never negative.
std::optional<double> Board::lag_seconds() const {
  if (position_.empty() || !committed_at_) return {};
  const bool heard = stream_.heard_at != steady_clock::time_point{};
  if (connected_ && heard && position_ >= stream_.source_end) {
    const double silence = since(stream_.heard_at);
    return silence > static_cast<double>(kHeardMax.count()) ? silence : 0;
  }
  double lag = std::chrono::duration<double>(system_clock::now() - *committed_at_).count();
  // What came since is younger than the moment at which there was nothing more, however old the last commit is.
  if (caught_up_at_) lag = std::min(lag, since(*caught_up_at_));
  return std::max(0.0, lag);
}

std::string Board::status() const {
  if (paused_) return "paused";
  if (tables_.empty()) return "disabled";
  const auto any = [&](TablePhase phase) {
    return std::ranges::any_of(tables_, [&](const auto& entry) { return entry.second.phase == phase; });
  };
  const bool all_disabled =
      std::ranges::all_of(tables_, [](const auto& entry) { return entry.second.phase == TablePhase::disabled; });
  if (all_disabled) return "disabled";
  if (is_stalled()) return "stalled";
  if (!connected_ || any(TablePhase::errored))
    return last_error_.empty() && !any(TablePhase::errored) ? "pending" : "errored";
  if (any(TablePhase::snapshotting) || any(TablePhase::pending)) return "snapshotting";
  return "streaming";
}

json Board::table_document(const plan::TableName& name, const Table& table) const {
  return {{"table", name.to_string()},
          {"phase", to_string(table.phase)},
          {"reason", text_or_null(table.reason)},
          {"readable", table.complete},
          {"rows_snapshot", table.rows},
          {"events", table.events},
          {"events_per_sec", rounded(table.rate.per_second(steady_clock::now()))},
          {"last_event_at", time_or_null(table.last_event_at)},
          {"last_error", text_or_null(table.last_error)}};
}

json Board::document() const {
  const std::lock_guard lock(mutex_);
  json tables = json::array(), drift = json::array();
  uint64_t rows = 0;
  for (const auto& [name, table] : tables_) {
    tables.push_back(table_document(name, table));
    rows += table.rows + table.events;
  }
  for (const auto& entry : drift_) {
    drift.push_back({{"table", entry.table},
                     {"field", entry.field},
                     {"status", entry.status},
                     {"since", iso8601_utc(entry.since)}});
  }
  const auto now = status();
  return {{"status", now},
          {"phase", now},
          {"lag_seconds", rounded(lag_seconds())},
          {"lag_bytes", source_ ? json(source_->retained_bytes) : json(nullptr)},
          {"position", text_or_null(position_)},
          {"source_position", text_or_null(std::max(stream_.source_end, source_ ? source_->end : ""))},
          {"last_event_at", time_or_null(last_event_at_)},
          {"events_per_sec", rounded(rate_.per_second(steady_clock::now()))},
          {"rows_synced", rows},
          {"spilled_bytes", stream_.spilled_bytes},
          {"schema_drift", std::move(drift)},
          {"last_error", text_or_null(last_error_)},
          {"tables", std::move(tables)}};
}

std::vector<connector::TableHealth> Board::health() const {
  const std::lock_guard lock(mutex_);
  std::vector<connector::TableHealth> rows;
  for (const auto& [name, table] : tables_) {
    rows.push_back({name.to_string(), std::string(paused_ ? "paused" : to_string(table.phase)), table.last_error,
                    table.complete ? lag_seconds() : std::nullopt, table.rate.per_second(steady_clock::now()),
                    table.last_event_at});
  }
  return rows;
}

std::vector<plan::TableName> Board::tables() const {
  const std::lock_guard lock(mutex_);
  std::vector<plan::TableName> names;
  for (const auto& [name, table] : tables_) names.push_back(name);
  return names;
}

std::optional<connector::CopyState> Board::copy(const plan::TableName& table) const {
  const std::lock_guard lock(mutex_);
  const auto found = tables_.find(table);
  if (found == tables_.end()) return {};
  const auto& entry = found->second;
  connector::CopyState state;
  state.complete = entry.complete;
  state.loading = !entry.complete && (entry.phase == TablePhase::pending || entry.phase == TablePhase::snapshotting ||
                                      entry.phase == TablePhase::errored);
  state.why_not = entry.reason;
  state.position = position_;
  state.lag_seconds = lag_seconds();
  return state;
}

std::optional<TablePhase> Board::phase(const plan::TableName& table) const {
  const std::lock_guard lock(mutex_);
  const auto found = tables_.find(table);
  return found == tables_.end() ? std::nullopt : std::optional(found->second.phase);
}

bool Board::somebody_waits() const {
  const std::lock_guard lock(mutex_);
  return waiting_ > 0;
}

Status Board::wait(const plan::TableName& table, const connector::FreshnessDemand& demand,
                   std::chrono::milliseconds limit, const std::function<bool()>& stop) const {
  const auto deadline = steady_clock::now() + limit;
  std::unique_lock lock(mutex_);
  struct Waiting {
    int& count;
    explicit Waiting(int& all) : count(all) { ++count; }
    ~Waiting() { --count; }  // under the lock, which ends later
    Waiting(const Waiting&) = delete;
    Waiting& operator=(const Waiting&) = delete;
  };
  const Waiting waiting(waiting_);
  while (true) {
    const auto found = tables_.find(table);
    if (found == tables_.end() || !found->second.complete) return {};  // the reader will say why it cannot be read
    const auto lag = lag_seconds();
    const bool reached = position_ >= demand.position_min;
    const bool fresh =
        !demand.staleness_max || (lag && *lag * 1000 <= static_cast<double>(demand.staleness_max->count()));
    if (reached && fresh) return {};
    if (stop()) return fail(ErrorCode::cancelled, "the query was cancelled");
    const auto now = steady_clock::now();
    if (now >= deadline) {
      return fail(ErrorCode::timeout,
                  "the copy of " + table.to_string() + " is not as fresh as asked after " +
                      std::to_string(limit.count()) + " ms: it stands at " +
                      (position_.empty() ? "nothing" : position_) +
                      (lag ? ", " + std::to_string(*lag) + " s behind" : ""),
                  "Read the source with live(…), ask for less, or wait longer (weir_freshness_wait_ms).");
    }
    changed_.wait_until(lock, std::min(deadline, now + kStopCheckEvery));
  }
}

}  // namespace weir::sync
