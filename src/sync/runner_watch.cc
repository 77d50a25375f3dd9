/// Runner: folding now and then, and what the source says of itself.
#include <algorithm>

#include "sync/runner.h"
#include "telemetry/log.h"

namespace weir::sync {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using telemetry::Level;

constexpr milliseconds kFoldEvery{200};
constexpr milliseconds kFoldRetry{5'000};
constexpr std::chrono::seconds kWatchEvery{5};
/// How fresh a copy is known to be when nothing happens on the source.
constexpr milliseconds kMomentEvery{500};

}  // namespace

void Runner::fold(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    std::shared_ptr<Landing> landing;
    {
      std::unique_lock lock(mutex_);
      asked_.wait_for(lock, stop, kFoldEvery, [] { return false; });
      landing = landing_;
    }
    if (!landing || stop.stop_requested()) continue;
    const auto began = steady_clock::now();
    const auto folded = landing->fold(false, stop);
    if (folded && *folded > 0) {
      const std::chrono::duration<double> taken = steady_clock::now() - began;
      services_.metrics.sync_folded(order_.spec.name, taken.count(), *folded);
    }
    stop_what_cannot_be_folded(*landing);
    if (folded || stop.stop_requested()) continue;
    telemetry::log(Level::warning, "fold_failed",
                   {{"connector", order_.spec.name}, {"error", folded.error().to_string()}});
    std::unique_lock lock(mutex_);
    asked_.wait_for(lock, stop, kFoldRetry, [] { return false; });
  }
}

/// The stream's thread stops them, when it opens the stream anew.
void Runner::stop_what_cannot_be_folded(const Landing& landing) {
  const auto is_news = [this](const LandedTable& landed) {
    return landed.failure && board_.phase(landed.table->name) == TablePhase::streaming;
  };
  if (!std::ranges::any_of(landing.tables(), is_news)) return;
  turn();
  asked_.notify_all();
}

void Runner::watch(const std::stop_token& stop) {
  auto look_at = steady_clock::now() + kWatchEvery, beat_at = steady_clock::now() + options_.heartbeat;
  auto moment_at = steady_clock::now();
  while (!stop.stop_requested()) {
    std::shared_ptr<connector::ChangeSource> changes;
    {
      std::unique_lock lock(mutex_);
      asked_.wait_for(lock, stop, kMomentEvery, [this] { return moment_wanted_; });
      moment_wanted_ = false;
      // The source keeps its log for us while we are paused, too.
      if (!disabled_) log_drop_due_ = false;
      if (!disabled_ || log_drop_due_) changes = changes_ ? changes_ : order_.source->changes();
    }
    if (!changes || stop.stop_requested()) continue;
    if (steady_clock::now() >= moment_at && !take_moment(*changes)) moment_at = steady_clock::now() + kWatchEvery;
    const auto now = steady_clock::now();
    if (now >= look_at) {
      look_at = now + kWatchEvery;
      watch_once(*changes);
    }
    if (options_.heartbeat.count() == 0 || now < beat_at) continue;
    beat_at = now + options_.heartbeat;
    if (const auto beat = changes->heartbeat(); !beat) {
      telemetry::log(Level::debug, "heartbeat_failed",
                     {{"connector", order_.spec.name}, {"error", beat.error().to_string()}});
    }
  }
}

/// False: the source does not answer. That makes the copy older; the stream says what is wrong.
bool Runner::take_moment(connector::ChangeSource& changes) {
  const auto asked_at = steady_clock::now();
  const auto moment = changes.moment();
  if (moment) board_.moment(*moment, asked_at);
  if (board_.is_behind()) hurry_ = true;
  return moment.has_value();
}

/// Nothing in the stream tells of a table that was dropped, or that left the publication. One that was renamed tells so
/// itself with its next change: it gets the time until the next look.
void Runner::look_for_dropped(connector::ChangeSource& changes) {
  std::vector<plan::TableName> streaming;
  for (const auto& table : board_.tables()) {
    if (board_.phase(table) == TablePhase::streaming) streaming.push_back(table);
  }
  if (streaming.empty()) return missing_.clear();
  const auto before = board_.stop_point();
  // In this order: one that is renamed in between is missing only.
  const auto unpublished = changes.unpublished(streaming);
  const auto found = changes.missing(streaming);
  if (!unpublished || !found) return;
  const bool still = std::ranges::any_of(*found, [&](const auto& table) { return missing_.contains(table); });
  missing_ = {found->begin(), found->end()};
  if (found->empty() && unpublished->empty()) {
    const std::lock_guard lock(mutex_);
    all_there_ = before;
  }
  const bool left = std::ranges::any_of(*unpublished, [&](const auto& table) { return !missing_.contains(table); });
  if (!still && !left) return;
  turn();
  asked_.notify_all();
}

/// What the source says of itself: how far we are behind it, and how much it keeps for us.
void Runner::watch_once(connector::ChangeSource& changes) {
  if (log_drop_due_) return drop_log(changes);
  const auto state = changes.state();
  if (state) board_.source(*state);  // the stream says what is wrong
  const auto moving = board_.watch(options_.stall_after);
  if (!moving) {
    telemetry::log(Level::warning, "sync_stalled",
                   {{"connector", order_.spec.name}, {"seconds", std::to_string(options_.stall_after.count())}});
  }
  if (!state || !state->follows) return;
  look_for_dropped(changes);
  const auto kept_mb = static_cast<int64_t>(state->retained_bytes >> 20);
  if (kept_mb >= options_.wal_warn_mb) {
    telemetry::log(Level::warning, "source_log_grows",
                   {{"connector", order_.spec.name}, {"kept_mb", std::to_string(kept_mb)}});
  }
  if (options_.wal_drop_mb == 0 || kept_mb < options_.wal_drop_mb) return;
  {
    const std::lock_guard lock(mutex_);
    disabled_ = turn_ = true;
  }
  board_.set_all(TablePhase::disabled, "wal_limit_exceeded: the source kept " + std::to_string(kept_mb) +
                                           " MB of its log for the copy, so its slot is given up");
  log_drop_due_ = true;
  drop_log(changes);
}

/// The source shall keep nothing for us any more. What fails is tried again at the next look.
void Runner::drop_log(connector::ChangeSource& changes) {
  const auto dropped = changes.forget();
  log_drop_due_ = !dropped;
  if (dropped) return telemetry::log(Level::warning, "source_log_given_up", {{"connector", order_.spec.name}});
  telemetry::log(Level::error, "source_log_not_given_up",
                 {{"connector", order_.spec.name}, {"error", dropped.error().to_string()}});
}

}  // namespace weir::sync
