#include "sync/runner.h"

#include <algorithm>
#include <variant>

#include "sync/copy_sql.h"
#include "sync/verification.h"
#include "telemetry/log.h"

namespace weir::sync {
namespace {

using connector::Change;
using connector::ChangeGroup;
using connector::ChangeTablePtr;
using connector::SchemaChange;
using connector::TableEnd;
using connector::TableStop;
using std::chrono::milliseconds;
using std::chrono::steady_clock;
using telemetry::Level;

constexpr milliseconds kRetryFirst{500};
constexpr milliseconds kRetryMax{30'000};
/// What went well for so long begins anew with the short pause.
constexpr milliseconds kStoodMin{5'000};
/// How long the stream's thread waits for changes before it looks at what else was asked for.
constexpr milliseconds kStreamWait{50};
constexpr milliseconds kFoldEvery{200};
constexpr std::chrono::seconds kWatchEvery{5};

LandingOptions landing_options(const connector::SyncOptions& options) {
  LandingOptions landing;
  landing.fold_rows = static_cast<uint64_t>(options.fold_rows);
  landing.fold_age = options.fold_after;
  landing.tombstones_kept = options.tombstones_kept;
  landing.snapshots_kept = options.snapshots_kept;
  return landing;
}

/// Nothing gets better by trying again: a person must look.
bool is_final(const Error& error) {
  return error.kind() == ErrorKind::data_loss || error.code == ErrorCode::replication_slot_missing ||
         error.code == ErrorCode::not_available_yet;
}

plan::TableName table_of(const Change& change) {
  return std::visit(
      [](const auto& one) {
        if constexpr (requires { one.after; }) {
          return one.after->name;
        } else if constexpr (requires { one.stop; }) {
          return one.table;
        } else {
          return one.table->name;
        }
      },
      change);
}

}  // namespace

Runner::Runner(RunnerServices services, connector::SyncOrder order, connector::SyncOptions options)
    : services_(std::move(services)),
      order_(std::move(order)),
      options_(std::move(options)),
      board_(order_.note),
      paused_(order_.paused) {
  board_.set_tables(options_.tables());
  board_.set_paused(paused_);
}

Runner::~Runner() { halt(); }

void Runner::start() {
  // Before anybody reads: a name that meant the source for a moment and then the copy would go back in time.
  if (const auto shown = show_what_is_there(); !shown) board_.set_error(shown.error());
  if (!services_.follow) return;
  stream_thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
  fold_thread_ = std::jthread([this](const std::stop_token& stop) { fold(stop); });
  watch_thread_ = std::jthread([this](const std::stop_token& stop) { watch(stop); });
}

/// Opens the landing when it is not, or was taken away: the copies can be read, whatever becomes of the source.
Status Runner::show_what_is_there() {
  if (landing_ && !fence_lost_) return {};
  auto opened = WEIR_TRY(services_.open_landing(order_.spec.name, landing_options(options_)));
  fence_lost_ = false;
  {
    const std::lock_guard lock(mutex_);
    landing_ = std::move(opened);
  }
  for (const auto& landed : landing_->tables()) {
    board_.set_complete(landed.table->name, landed.phase == CopyPhase::complete, 0);
  }
  if (const auto landed = landing_->position()) board_.landed(landed->position, landed->committed_at);
  return {};
}

std::optional<connector::CopyState> Runner::copy(const plan::TableName& table) const {
  auto state = board_.copy(table);
  if (!state || !state->complete) return state;
  std::shared_ptr<Landing> landing;
  {
    const std::lock_guard lock(mutex_);
    landing = landing_;
  }
  const auto tables = landing ? landing->tables() : std::vector<LandedTable>();
  const auto landed = std::ranges::find_if(tables, [&](const auto& one) { return one.table->name == table; });
  state->complete = landed != tables.end() && landed->phase == CopyPhase::complete;
  if (!state->complete) return state;
  const auto& columns = landed->table->columns;
  state->current_sql = copy_view_sql(order_.spec.name, table, columns, CopyView::current);
  state->raw_sql = copy_view_sql(order_.spec.name, table, columns, CopyView::raw);
  return state;
}

Result<connector::Position> Runner::position_of(const std::string& text) const {
  const auto changes = order_.source->changes();
  return changes ? changes->position_of(text) : Result<connector::Position>(text);
}

/// The landing, when the table's copy follows its source, so that it can be compared with it.
Result<std::shared_ptr<Landing>> Runner::comparable(const plan::TableName& table) const {
  const auto phase = board_.phase(table);
  const auto whole = order_.spec.name + "." + table.to_string();
  if (!phase) {
    return fail(ErrorCode::table_not_found, "no live copy of " + table.to_string() + " in " + order_.spec.name,
                "Add it to sync.tables with PATCH /v1/connectors/" + order_.spec.name + ".");
  }
  const auto state = copy(table);
  if (*phase == TablePhase::disabled) {
    return fail(ErrorCode::table_not_synced, "there is no live copy of " + whole + ": " + (state ? state->why_not : ""),
                "POST /v1/connectors/" + order_.spec.name + "/resync?table=" + table.to_string() + " tries again.");
  }
  const std::lock_guard lock(mutex_);
  if (paused_) {
    return fail(ErrorCode::source_disabled, "the live copies of " + order_.spec.name + " are paused",
                "Resume it: a copy is compared with its source while it follows.");
  }
  if (!landing_ || !state || !state->complete || *phase != TablePhase::streaming) {
    return fail(ErrorCode::table_snapshotting, "the copy of " + whole + " is not complete",
                "Wait until GET /v1/connectors/" + order_.spec.name + "/status shows phase 'streaming'.");
  }
  return landing_;
}

Result<nlohmann::json> Runner::verify(const plan::TableName& table, const std::stop_token& stop) {
  auto landing = WEIR_TRY(comparable(table));
  const std::unique_lock alone(verifying_, std::try_to_lock);
  if (!alone)
    return fail(ErrorCode::too_many_requests, "a table of " + order_.spec.name + " is being compared already");
  std::stop_source either;
  const std::stop_callback on_stop(stop, [&] { either.request_stop(); });
  const std::stop_callback on_halt(halted_.get_token(), [&] { either.request_stop(); });
  auto session = WEIR_TRY(services_.open_session());
  return Verification(order_.spec.name, table, order_.source->changes(), std::move(landing), board_,
                      services_.committer)
      .run(std::move(session), either.get_token());
}

void Runner::halt() {
  halted_.request_stop();
  for (auto* thread : {&stream_thread_, &watch_thread_, &fold_thread_}) thread->request_stop();
  asked_.notify_all();
  for (auto* thread : {&stream_thread_, &watch_thread_, &fold_thread_}) {
    if (thread->joinable()) thread->join();
  }
}

void Runner::pause(bool paused) {
  {
    const std::lock_guard lock(mutex_);
    paused_ = paused;
    turn_ = true;
  }
  board_.set_paused(paused);
  asked_.notify_all();
}

Status Runner::resync(const plan::TableName& table) {
  if (!board_.phase(table)) {
    return fail(ErrorCode::table_not_found, "no live copy of " + table.to_string() + " in " + order_.spec.name,
                "Add it to sync.tables with PATCH /v1/connectors/" + order_.spec.name + ".");
  }
  {
    const std::lock_guard lock(mutex_);
    resync_.insert(table);
    restart_ = restart_ || disabled_;
    turn_ = true;
  }
  board_.set_phase(table, TablePhase::pending, "a resync was asked for");
  asked_.notify_all();
  return {};
}

Status Runner::forget() {
  halt();
  auto landing = landing_;
  if (!landing) landing = WEIR_TRY(services_.open_landing(order_.spec.name, landing_options(options_)));
  WEIR_TRY(landing->drop_all());
  const auto changes = order_.source->changes();
  return changes ? changes->forget() : Status();
}

void Runner::run(const std::stop_token& stop) {
  if (auto rows = services_.store.sync_stops(order_.spec.id)) {
    for (auto& row : *rows) {
      const auto dot = row.table.find('.');
      const plan::TableName table{row.table.substr(0, dot), row.table.substr(dot + 1)};
      stops_[table] = {row.reason, row.hint};
    }
  }
  milliseconds pause = kRetryFirst;
  while (!stop.stop_requested()) {
    {
      std::unique_lock lock(mutex_);
      asked_.wait(lock, stop, [this] { return !paused_ && (!disabled_ || restart_); });
      turn_ = false;
      if (stop.stop_requested()) break;
    }
    const auto began = steady_clock::now();
    const auto done = follow(stop);
    jobs_.reset();
    if (std::exchange(landing_open_, false)) landing_->roll_back();
    if (stop.stop_requested()) break;
    if (done) continue;
    const Error& error = done.error();
    telemetry::log(Level::warning, "sync_interrupted", {{"connector", order_.spec.name}, {"error", error.to_string()}});
    board_.set_error(error);
    if (is_final(error)) {
      {
        const std::lock_guard lock(mutex_);
        disabled_ = true;
      }
      board_.set_all(TablePhase::disabled, std::string(describe(error.code).name) + ": " + error.message);
      continue;
    }
    if (error.code == ErrorCode::commit_conflict) fence_lost_ = true;
    if (steady_clock::now() - began > kStoodMin) pause = kRetryFirst;
    wait_before_retry(pause, stop);
    pause = std::min(pause * 2, kRetryMax);
  }
  board_.set_paused(true);
}

void Runner::wait_before_retry(milliseconds duration, const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  asked_.wait_for(lock, stop, duration, [this] { return turn_; });
}

bool Runner::must_turn(const std::stop_token& stop) const {
  const std::lock_guard lock(mutex_);
  return stop.stop_requested() || turn_ || paused_;
}

Status Runner::follow(const std::stop_token& stop) {
  WEIR_TRY(show_what_is_there());
  auto changes = order_.source->changes();
  if (!changes)
    return fail(ErrorCode::not_available_yet, "connectors of type " + order_.spec.type + " cannot be copied");
  {
    const std::lock_guard lock(mutex_);
    changes_ = changes;
  }
  WEIR_TRY(restart_if_asked(*changes));
  WEIR_TRY(check_history(*changes));
  jobs_ = std::make_unique<SnapshotJobs>(order_.spec.name, changes, landing_, board_, options_.snapshot_tables_max,
                                         [this] { asked_.notify_all(); });
  WEIR_TRY(arrange(*changes));
  std::vector<ChangeTablePtr> tables;
  for (const auto& landed : landing_->tables()) tables.push_back(landed.table);
  auto limits = options_.limits();
  limits.spill_directory = services_.spill / order_.spec.id;
  const auto stream = WEIR_TRY(changes->stream(landing_->position()->position, std::move(tables), limits));
  board_.set_error({});
  return pump(*stream, stop);
}

/// After the slot was lost, or the history: everything anew, when somebody asked for it.
Status Runner::restart_if_asked(connector::ChangeSource& changes) {
  {
    const std::lock_guard lock(mutex_);
    if (!restart_) return {};
  }
  WEIR_TRY(landing_->drop_all());
  WEIR_TRY(changes.forget());
  auto opened = WEIR_TRY(services_.open_landing(order_.spec.name, landing_options(options_)));
  const std::lock_guard lock(mutex_);
  landing_ = std::move(opened);
  restart_ = disabled_ = false;
  return {};
}

/// Whether the source still has the history that the copy is a part of.
Status Runner::check_history(connector::ChangeSource& changes) {
  const auto state = WEIR_TRY(changes.state());
  board_.source(state);
  identity_ = state.identity;
  const auto landed = landing_->position();
  if (!landed) return {};
  board_.landed(landed->position, landed->committed_at);
  const std::string hint = "POST /v1/connectors/" + order_.spec.name + "/resync?table=… copies the tables anew.";
  if (landed->source_identity != state.identity) {
    return fail(ErrorCode::sync_data_loss,
                "the source is another one, or was set back: the copy was made from " + landed->source_identity +
                    ", this is " + state.identity,
                hint);
  }
  if (!state.follows || !state.usable) {
    return fail(ErrorCode::replication_slot_missing,
                state.follows ? "the source has discarded changes that the copy has not got"
                              : "the replication slot is not there any more: changes since " + landed->position +
                                    " are lost to the copy",
                hint);
  }
  if (state.confirmed > landed->position) {
    return fail(ErrorCode::sync_data_loss,
                "the slot stands at " + state.confirmed + ", ahead of the copy, which stands at " + landed->position +
                    ": somebody else has read from it",
                hint);
  }
  return {};
}

/// The tables that can be kept; the others are stopped, with their reason.
Result<std::vector<ChangeTablePtr>> Runner::examine(connector::ChangeSource& changes) {
  const auto wanted = options_.tables();
  const auto candidates = WEIR_TRY(changes.examine(wanted));
  std::vector<ChangeTablePtr> tables;
  for (size_t i = 0; i < wanted.size(); ++i) {
    if (const auto stopped = stops_.find(wanted[i]); stopped != stops_.end()) {
      board_.set_phase(wanted[i], TablePhase::disabled, stopped->second.reason);
    } else if (candidates[i].stop) {
      auto stop = *candidates[i].stop;
      if (stop.reason == "table_not_found" && board_.copy(wanted[i])->complete) stop.reason = "table_dropped";
      WEIR_TRY(stop_table(wanted[i], stop));
    } else {
      tables.push_back(candidates[i].table);
    }
  }
  return tables;
}

Status Runner::arrange(connector::ChangeSource& changes) {
  std::set<plan::TableName> again;
  {
    const std::lock_guard lock(mutex_);
    again = resync_;
  }
  for (const auto& table : again) {
    stops_.erase(table);
    WEIR_TRY(services_.store.delete_sync_stop(order_.spec.id, table.to_string()));
  }
  const auto tables = WEIR_TRY(examine(changes));
  const auto wanted = options_.tables();
  const auto landed = landing_->tables();
  for (const auto& known : landed) {
    if (std::ranges::find(wanted, known.table->name) == wanted.end()) WEIR_TRY(landing_->drop(known.table->name));
  }
  std::vector<plan::TableName> names;
  for (const auto& table : tables) names.push_back(table->name);
  WEIR_TRY(changes.publish(names));
  std::vector<ChangeTablePtr> to_load;
  for (const auto& table : tables) {
    const auto known = std::ranges::find_if(landed, [&](const auto& one) { return one.table->name == table->name; });
    if (known != landed.end() && known->phase == CopyPhase::complete && !again.contains(table->name)) {
      board_.set_complete(table->name, true, 0);
      board_.set_phase(table->name, TablePhase::streaming, "goes on");
    } else {
      board_.set_complete(table->name, false, 0);
      board_.set_phase(table->name, TablePhase::pending, "waits for its snapshot");
      WEIR_TRY(landing_->prepare(table));
      to_load.push_back(table);
    }
  }
  {
    const std::lock_guard lock(mutex_);
    // One that was asked for again meanwhile is done again.
    if (!turn_) resync_.clear();
  }
  if (!landing_->position()) return begin_history(changes, to_load);
  for (const auto& table : to_load) jobs_->add(table->name, nullptr);
  return {};
}

/// The first start: the slot's own point serves the first snapshots.
Status Runner::begin_history(connector::ChangeSource& changes, const std::vector<ChangeTablePtr>& tables) {
  // A slot of that name is ours and was made by a start that did not come to its end: nothing hangs on it.
  auto point = changes.follow();
  if (!point && point.error().code == ErrorCode::already_exists) {
    WEIR_TRY(changes.forget());
    std::vector<plan::TableName> names;
    for (const auto& table : tables) names.push_back(table->name);
    WEIR_TRY(changes.publish(names));
    point = changes.follow();
  }
  if (!point) return fail(std::move(point.error()));
  const std::shared_ptr<connector::SnapshotPoint> shared = std::move(*point);
  for (const auto& table : tables) {
    WEIR_TRY(landing_->snapshot_begins(table->name, shared->position(), shared->taken_at()));
  }
  WEIR_TRY(landing_->begin());
  const auto committed = landing_->commit({shared->position(), identity_, shared->taken_at()});
  if (!committed) return committed;
  board_.landed(shared->position(), shared->taken_at());
  for (const auto& table : tables) jobs_->add(table->name, shared);
  return {};
}

Status Runner::pump(connector::ChangeStream& stream, const std::stop_token& stop) {
  while (!must_turn(stop)) {
    WEIR_TRY(take_snapshots());
    if (jobs_->awaits_position() || board_.somebody_waits()) stream.hurry();
    const auto group = WEIR_TRY(stream.next(kStreamWait));
    board_.stream(stream.stats());
    if (!group) continue;
    auto landed = land(stream, *group);
    while (landed && landing_open_) {  // a large transaction goes on
      const auto more = WEIR_TRY(stream.next(kStreamWait));
      board_.stream(stream.stats());
      if (more) landed = land(stream, *more);
      if (stop.stop_requested()) return {};
    }
    WEIR_TRY(std::move(landed));
  }
  return {};
}

Status Runner::land(connector::ChangeStream& stream, const ChangeGroup& group) {
  if (!landing_open_) {
    WEIR_TRY(landing_->begin());
    landing_open_ = true;
  }
  for (const auto& change : group.changes) WEIR_TRY(land_change(change, group.committed_at));
  if (!group.complete) return {};
  WEIR_TRY(landing_->commit({group.position, identity_, group.committed_at}));
  landing_open_ = false;
  stream.confirm(group.position);
  board_.landed(group.position, group.committed_at);
  return {};
}

Status Runner::land_change(const Change& change, std::chrono::system_clock::time_point at) {
  if (const auto* end = std::get_if<TableEnd>(&change)) {
    // Its publication ends as well, or the source may refuse to change the table.
    {
      const std::lock_guard lock(mutex_);
      turn_ = true;
    }
    return stop_table(end->table, end->stop);
  }
  if (stops_.contains(table_of(change))) return {};
  const auto applied = landing_->apply(change);
  if (!applied && applied.error().code == ErrorCode::schema_drift) {
    return stop_table(table_of(change), {applied.error().message, applied.error().hint});
  }
  WEIR_TRY(applied);
  if (const auto* rows = std::get_if<connector::RowChanges>(&change)) {
    board_.landed_rows(table_of(change), static_cast<uint64_t>(rows->count), at);
  } else if (const auto* schema = std::get_if<SchemaChange>(&change)) {
    show_schema_change(*schema);
  } else {
    board_.landed_rows(table_of(change), 1, at);
  }
  return {};
}

void Runner::show_schema_change(const SchemaChange& change) {
  const auto& table = change.after->name;
  for (const auto& added : change.added) board_.add_drift(table, added.column.name, "added");
  for (const auto& renamed : change.renamed) board_.add_drift(table, renamed.from, "renamed to " + renamed.to);
  for (const auto& dropped : change.dropped) board_.add_drift(table, dropped, "dropped");
  for (const auto& widened : change.widened) board_.add_drift(table, widened.name, "widened to " + widened.source_type);
}

Status Runner::stop_table(const plan::TableName& table, const TableStop& stop) {
  stops_[table] = stop;
  const auto at =
      std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch());
  WEIR_TRY(services_.store.put_sync_stop(order_.spec.id, {table.to_string(), stop.reason, stop.hint, at.count()}));
  board_.set_phase(table, TablePhase::disabled, stop.reason);
  return {};
}

Status Runner::take_snapshots() {
  for (const auto& done : jobs_->take_done(landing_->position()->position)) {
    WEIR_TRY(landing_->complete(done.table));
    board_.set_complete(done.table, true, done.rows);
    board_.set_phase(done.table, TablePhase::streaming,
                     "its snapshot is complete: " + std::to_string(done.rows) + " rows");
  }
  return {};
}

void Runner::fold(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    std::shared_ptr<Landing> landing;
    {
      std::unique_lock lock(mutex_);
      asked_.wait_for(lock, stop, kFoldEvery, [] { return false; });
      landing = landing_;
    }
    if (!landing || stop.stop_requested()) continue;
    const auto folded = landing->fold(false, stop);
    if (folded || stop.stop_requested()) continue;
    telemetry::log(Level::warning, "fold_failed",
                   {{"connector", order_.spec.name}, {"error", folded.error().to_string()}});
    std::unique_lock lock(mutex_);
    asked_.wait_for(lock, stop, kRetryFirst * 10, [] { return false; });
  }
}

void Runner::watch(const std::stop_token& stop) {
  auto heartbeat_at = steady_clock::now();
  while (!stop.stop_requested()) {
    std::shared_ptr<connector::ChangeSource> changes;
    {
      std::unique_lock lock(mutex_);
      asked_.wait_for(lock, stop, kWatchEvery, [] { return false; });
      // The source keeps its log for us while we are paused, too.
      if (!disabled_) changes = changes_ ? changes_ : order_.source->changes();
    }
    if (!changes || stop.stop_requested()) continue;
    watch_once(*changes);
    if (options_.heartbeat.count() == 0 || steady_clock::now() - heartbeat_at < options_.heartbeat) continue;
    heartbeat_at = steady_clock::now();
    if (const auto beat = changes->heartbeat(); !beat) {
      telemetry::log(Level::debug, "heartbeat_failed",
                     {{"connector", order_.spec.name}, {"error", beat.error().to_string()}});
    }
  }
}

/// Nothing in the stream tells of a table that was dropped. One that was renamed tells so itself with its next change:
/// it gets the time until the next look.
void Runner::look_for_dropped(connector::ChangeSource& changes) {
  std::vector<plan::TableName> streaming;
  for (const auto& table : board_.tables()) {
    if (board_.phase(table) == TablePhase::streaming) streaming.push_back(table);
  }
  const auto found = streaming.empty() ? std::vector<plan::TableName>()
                                       : changes.missing(streaming).value_or(std::vector<plan::TableName>());
  const bool still = std::ranges::any_of(found, [&](const auto& table) { return missing_.contains(table); });
  missing_ = {found.begin(), found.end()};
  if (!still) return;
  {
    const std::lock_guard lock(mutex_);
    turn_ = true;
  }
  asked_.notify_all();
}

/// What the source says of itself: how far we are behind it, and how much it keeps for us.
void Runner::watch_once(connector::ChangeSource& changes) {
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
  const auto dropped = changes.forget();
  board_.set_all(TablePhase::disabled, "wal_limit_exceeded: the source kept " + std::to_string(kept_mb) +
                                           " MB of its log for the copy, so its slot was " +
                                           (dropped ? "dropped" : "to be dropped: " + dropped.error().to_string()));
}

}  // namespace weir::sync
