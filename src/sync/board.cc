#include "sync/board.h"

#include <algorithm>
#include <cmath>

namespace weir::sync {
namespace {

using std::chrono::seconds;
using std::chrono::steady_clock;
using std::chrono::system_clock;

constexpr seconds kRateWindow{10};
/// `watch` is called more often than this.
constexpr seconds kWatchMax{10};
constexpr size_t kDriftKept = 100;
/// Answers of the source that were not reached yet.
constexpr size_t kAskedMax = 100;
/// How long a wait sleeps before it looks whether it shall stop.
constexpr std::chrono::milliseconds kStopCheckEvery{100};

/// A commit and the moment at which we asked may be seen so far apart, seconds.
constexpr double kClocksApartMax = 1;

double since(steady_clock::time_point at) { return std::chrono::duration<double>(steady_clock::now() - at).count(); }

/// Seconds that are shown: to the millisecond, and never below zero.
double in_milliseconds(double seconds) { return std::max(0.0, std::round(seconds * 1000) / 1000); }

std::string shown(const connector::Position& position) { return position.empty() ? "nothing" : position; }

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
    if (phase == TablePhase::streaming) entry.stopped.reset();
  }
  changed_.notify_all();
  note_(table.to_string(), from, std::string(to_string(phase)), reason);
}

StopPoint Board::stop_point() const {
  const std::lock_guard lock(mutex_);
  const auto lag = std::chrono::duration<double>(lag_seconds().value_or(0));
  return {position_, system_clock::now() - std::chrono::duration_cast<system_clock::duration>(lag)};
}

void Board::stop_table(const plan::TableName& table, const std::string& reason, const StopPoint& point) {
  {
    const std::lock_guard lock(mutex_);
    const auto found = tables_.find(table);
    if (found != tables_.end()) {
      const auto age = std::max(system_clock::now() - point.as_of, system_clock::duration(0));
      found->second.stopped = point;
      found->second.stale_since = steady_clock::now() - age;
    }
  }
  set_phase(table, TablePhase::disabled, reason);
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

void Board::set_estimate(const plan::TableName& table, uint64_t rows) {
  const std::lock_guard lock(mutex_);
  const auto found = tables_.find(table);
  if (found != tables_.end()) found->second.estimate = rows;
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
    note_reached();
  }
  changed_.notify_all();
}

void Board::stream(const connector::StreamStats& stats) {
  {
    const std::lock_guard lock(mutex_);
    stream_ = stats;
  }
  changed_.notify_all();
}

void Board::source(const connector::ChangeSourceState& state) {
  const std::lock_guard lock(mutex_);
  source_ = state;
  source_at_ = steady_clock::now();
}

void Board::moment(const connector::SourceMoment& moment, steady_clock::time_point asked_at) {
  {
    const std::lock_guard lock(mutex_);
    last_asked_ = {moment, asked_at};
    // When there are many, the oldest count: they are reached first.
    if (not_reached_.size() < kAskedMax) not_reached_.push_back(*last_asked_);
    note_reached();
  }
  changed_.notify_all();
}

void Board::forget_history() {
  const std::lock_guard lock(mutex_);
  position_.clear();
  committed_at_.reset();
  source_.reset();
  stream_ = {};
  last_asked_.reset();
  not_reached_.clear();
  as_of_.reset();
}

bool Board::is_behind() const {
  const std::lock_guard lock(mutex_);
  return last_asked_ && position_ < last_asked_->moment.end;
}

void Board::note_reached() {
  while (!not_reached_.empty() && not_reached_.front().moment.end <= position_) {
    as_of_ = not_reached_.front().at;
    not_reached_.pop_front();
  }
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

/// How old the copy is at most: nothing is known before the first commit. It is as the source was when we asked where
/// it stands and have landed up to there, and as it was at the last commit that landed. What the stream says does not
/// do: PostgreSQL tells how far it has sent, not how far it is. A commit of the future says nothing: the source's clock
/// was set back.
std::optional<double> Board::lag_seconds() const {
  if (position_.empty() || !committed_at_) return {};
  // By the source's clock, which may be another one than ours.
  const auto source_now = last_asked_ ? last_asked_->moment.at + std::chrono::duration_cast<system_clock::duration>(
                                                                     steady_clock::now() - last_asked_->at)
                                      : system_clock::now();
  const double behind = std::chrono::duration<double>(source_now - *committed_at_).count();
  const auto asked = as_of_ ? std::optional(since(*as_of_)) : std::nullopt;
  if (behind < -kClocksApartMax) return asked ? std::optional(in_milliseconds(*asked)) : std::nullopt;
  return in_milliseconds(asked ? std::min(behind, *asked) : behind);
}

std::optional<double> Board::lag_seconds(const Table& table) const {
  if (!table.stopped) return lag_seconds();
  return in_milliseconds(since(table.stale_since));
}

const connector::Position& Board::position(const Table& table) const {
  return table.stopped ? table.stopped->position : position_;
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
  state.stopped = entry.phase == TablePhase::disabled;
  state.why_not = entry.reason;
  state.position = position(entry);
  state.lag_seconds = lag_seconds(entry);
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
    const auto& entry = found->second;
    const auto lag = lag_seconds(entry);
    const bool reached = position(entry) >= demand.position_min;
    const bool fresh =
        !demand.staleness_max || (lag && *lag * 1000 <= static_cast<double>(demand.staleness_max->count()));
    if (reached && fresh) return {};
    if (entry.phase == TablePhase::disabled) {
      return fail(ErrorCode::table_not_synced,
                  "the copy of " + table.to_string() + " is stopped at " + shown(position(entry)) + ": " + entry.reason,
                  "Read the source with live(…), or copy the table anew: POST /v1/connectors/…/resync?table=" +
                      table.to_string() + ".");
    }
    if (stop()) return fail(ErrorCode::cancelled, "the query was cancelled");
    const auto now = steady_clock::now();
    if (now >= deadline) {
      return fail(ErrorCode::timeout,
                  "the copy of " + table.to_string() + " is not as fresh as asked after " +
                      std::to_string(limit.count()) + " ms: it stands at " + shown(position(entry)) +
                      (lag ? ", " + std::to_string(*lag) + " s behind" : ""),
                  "Read the source with live(…), ask for less, or wait longer (weir_freshness_wait_ms).");
    }
    changed_.wait_until(lock, std::min(deadline, now + kStopCheckEvery));
  }
}

}  // namespace weir::sync
