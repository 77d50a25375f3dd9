#include "sync/runner.h"

#include <algorithm>

#include "sync/copy_sql.h"
#include "sync/verification.h"
#include "telemetry/log.h"

namespace weir::sync {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using telemetry::Level;

constexpr milliseconds kRetryFirst{500};
constexpr milliseconds kRetryMax{30'000};
/// What went well for so long begins anew with the short pause.
constexpr milliseconds kStoodMin{5'000};

LandingOptions landing_options(const connector::SyncOptions& options) {
  LandingOptions landing;
  landing.kind = options.landing == "direct" ? LandingKind::direct : LandingKind::hot;
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
  recall_stops();
  // Before anybody reads: a name that meant the source for a moment and then the copy would go back in time.
  if (const auto shown = show_what_is_there(); !shown) board_.set_error(shown.error());
  if (!services_.follow) return;
  stream_thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
  fold_thread_ = std::jthread([this](const std::stop_token& stop) { fold(stop); });
  watch_thread_ = std::jthread([this](const std::stop_token& stop) { watch(stop); });
}

/// The tables that were stopped before.
void Runner::recall_stops() {
  const auto rows = services_.store.sync_stops(order_.spec.id);
  if (!rows) return board_.set_error(rows.error());
  for (const auto& row : *rows) {
    const auto dot = row.table.find('.');
    const plan::TableName table{row.table.substr(0, dot), row.table.substr(dot + 1)};
    const StopPoint point{row.position, std::chrono::system_clock::time_point(std::chrono::microseconds(row.as_of_us))};
    stops_[table] = {{row.reason, row.hint}, point};
    board_.stop_table(table, row.reason, point);
  }
}

/// Opens the landing when it is not, or was taken away: the copies can be read, whatever becomes of the source.
Status Runner::show_what_is_there() {
  if (landing_ && !reopen_) return {};
  auto opened = WEIR_TRY(services_.open_landing(order_.spec.name, landing_options(options_)));
  reopen_ = false;
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
  const auto landing = this->landing();
  const auto landed = landing ? landing->table(table) : std::nullopt;
  state->complete = landed && landed->phase == CopyPhase::complete;
  if (!state->complete) return state;
  const CopyContents contents{.hot = landed->hot_rows > 0, .tombstones = landed->tombstones};
  state->current_sql = copy_view_sql(order_.spec.name, *landed->table, CopyView::current, contents);
  state->raw_sql = copy_view_sql(order_.spec.name, *landed->table, CopyView::raw, contents);
  return state;
}

std::shared_ptr<Landing> Runner::landing() const {
  const std::lock_guard lock(mutex_);
  return landing_;
}

telemetry::SyncGauges Runner::gauges() const {
  auto gauges = board_.gauges();
  const auto landing = this->landing();
  if (!landing) return gauges;
  for (const auto& table : landing->tables()) gauges.hot_rows += table.hot_rows;
  return gauges;
}

nlohmann::json Runner::document() const {
  auto document = board_.document();
  const auto landing = this->landing();
  const auto landed = landing ? landing->tables() : std::vector<LandedTable>();
  for (auto& entry : document["tables"]) {
    const auto name = entry["table"].get<std::string>();
    const auto found =
        std::ranges::find_if(landed, [&](const auto& one) { return one.table->name.to_string() == name; });
    if (found != landed.end() && found->rows_read) entry["rows_read"] = *found->rows_read;
  }
  return document;
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
    // In this order: a snapshot may wait for the transaction to end.
    if (std::exchange(landing_open_, false)) {
      landing_->roll_back();
      uncommitted_ = {};
      reopen_ = true;  // whether it is durable is not known for certain
    }
    jobs_.reset();
    if (stop.stop_requested()) break;
    if (done) continue;
    const Error& error = done.error();
    telemetry::log(Level::warning, "sync_interrupted", {{"connector", order_.spec.name}, {"error", error.to_string()}});
    services_.metrics.sync_failed(order_.spec.name, std::string(describe(error.code).name));
    board_.set_error(error);
    if (is_final(error)) {
      {
        const std::lock_guard lock(mutex_);
        disabled_ = true;
      }
      board_.set_all(TablePhase::disabled, std::string(describe(error.code).name) + ": " + error.message);
      continue;
    }
    if (error.code == ErrorCode::commit_conflict) reopen_ = true;
    if (error.code == ErrorCode::disk_full || error.code == ErrorCode::io_error) cannot_write_ = true;
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

void Runner::turn() {
  const std::lock_guard lock(mutex_);
  turn_ = true;
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
  std::vector<connector::ChangeTablePtr> tables;
  for (const auto& landed : landing_->tables()) {
    if (!stops_.contains(landed.table->name)) tables.push_back(landed.table);
  }
  auto limits = options_.limits();
  limits.spill_directory = services_.spill / order_.spec.id;
  const auto stream = WEIR_TRY(changes->stream(landing_->position()->position, std::move(tables), limits));
  if (!cannot_write_) board_.set_error({});
  return pump(*stream, stop);
}

}  // namespace weir::sync
