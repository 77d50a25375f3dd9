/// Runner: what the stream brings is landed.
#include <algorithm>
#include <chrono>
#include <utility>
#include <variant>

#include "sync/runner.h"
#include "telemetry/log.h"

namespace weir::sync {
namespace {

using connector::Change;
using connector::ChangeGroup;
using connector::SchemaChange;
using connector::TableEnd;
using std::chrono::milliseconds;

/// How long the stream's thread waits for changes before it looks at what else was asked for.
constexpr milliseconds kStreamWait{50};

constexpr std::chrono::seconds kPositionEvery{5};

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

Status Runner::pump(connector::ChangeStream& stream, const std::stop_token& stop) {
  while (!must_turn(stop)) {
    WEIR_TRY(take_snapshots());
    hurry_if_wanted(stream);
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

void Runner::hurry_if_wanted(connector::ChangeStream& stream) {
  const bool waited_for = board_.somebody_waits();
  if (waited_for) {
    {
      const std::lock_guard lock(mutex_);
      moment_wanted_ = true;
    }
    asked_.notify_all();
  }
  if (hurry_.exchange(false) || waited_for || jobs_->awaits_position()) stream.hurry();
}

/// A position without changes, which no snapshot waits for, is worth a commit of the lake only now and then.
bool Runner::may_wait(const ChangeGroup& group) const {
  if (!landing_->commits_in_lake() || landing_open_ || !group.changes.empty() || jobs_->awaits_position()) return false;
  return std::chrono::steady_clock::now() - committed_at_ < kPositionEvery;
}

Status Runner::land(connector::ChangeStream& stream, const ChangeGroup& group) {
  if (may_wait(group)) {
    board_.landed(group.position, group.committed_at);
    return {};
  }
  if (!landing_open_) {
    WEIR_TRY(landing_->begin());
    landing_open_ = true;
  }
  for (const auto& change : group.changes) {
    WEIR_TRY(land_change(change, group));
    if (!landing_open_) return {};
  }
  if (!group.complete) return {};
  const auto began = std::chrono::steady_clock::now();
  WEIR_TRY(landing_->commit({group.position, identity_, group.committed_at}));
  landing_open_ = false;
  committed_at_ = std::chrono::steady_clock::now();
  stream.confirm(group.position);
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - began;
  if (std::exchange(cannot_write_, false)) board_.set_error({});
  show_landed(taken.count());
  board_.landed(group.position, group.committed_at);
  return {};
}

/// Whether the table is loading, and its snapshot contains what stands at `position`: one whose point is not known yet
/// will be later than all that has come in.
bool Runner::is_before_snapshot(const plan::TableName& table, const connector::Position& position) const {
  const auto landed = landing_->table(table);
  return landed && landed->phase == CopyPhase::loading &&
         (landed->snapshot.empty() || (!position.empty() && position <= landed->snapshot));
}

Status Runner::land_change(const Change& change, const ChangeGroup& group) {
  const auto table = table_of(change);
  if (stops_.contains(table)) return {};
  if (const auto* end = std::get_if<TableEnd>(&change)) {
    if (!is_before_snapshot(table, group.position)) return stop_midway(table, end->stop);
    // Of the table that was there before. The stream gives no more of it: it is opened anew behind this transaction.
    turn();
    return {};
  }
  const auto applied = landing_->apply(change);
  if (!applied) {
    const auto& error = applied.error();
    const bool of_table = error.code == ErrorCode::schema_drift || error.code == ErrorCode::data_dir_damaged;
    if (of_table) return stop_midway(table, {error.message, error.hint});
    return fail(error);
  }
  if (const auto* schema = std::get_if<SchemaChange>(&change)) {
    uncommitted_.shapes.push_back(*schema);
  } else {
    const auto* rows = std::get_if<connector::RowChanges>(&change);
    auto& events = uncommitted_.events[table];
    events.count += rows != nullptr ? static_cast<uint64_t>(rows->count) : 1;
    events.last_at = group.committed_at;
  }
  return {};
}

/// The transaction under way may have changed the table already, and a part of one is shown to nobody: it is rolled
/// back, and comes again without this table. Its publication ends as well, or the source may refuse to change the
/// table.
Status Runner::stop_midway(const plan::TableName& table, const connector::TableStop& stop) {
  landing_->roll_back();
  landing_open_ = false;
  uncommitted_ = {};
  turn();
  return stop_table(table, stop);
}

void Runner::show_landed(double commit_seconds) {
  const auto landed = std::exchange(uncommitted_, {});
  uint64_t events = 0;
  for (const auto& [table, one] : landed.events) {
    board_.landed_rows(table, one.count, one.last_at);
    events += one.count;
  }
  for (const auto& shape : landed.shapes) show_schema_change(shape);
  services_.metrics.sync_committed(order_.spec.name, commit_seconds, events);
}

void Runner::show_schema_change(const SchemaChange& change) {
  const auto& table = change.after->name;
  for (const auto& added : change.added) board_.add_drift(table, added.column.name, "added");
  for (const auto& renamed : change.renamed) board_.add_drift(table, renamed.from, "renamed to " + renamed.to);
  for (const auto& dropped : change.dropped) board_.add_drift(table, dropped, "dropped");
  for (const auto& widened : change.widened) board_.add_drift(table, widened.name, "widened to " + widened.source_type);
}

Status Runner::take_snapshots() {
  for (const auto& done : jobs_->take_done(landing_->position()->position)) {
    const auto completed = landing_->complete(done.table);
    if (!completed && completed.error().code == ErrorCode::data_dir_damaged) {
      WEIR_TRY(stop_table(done.table, {completed.error().message, completed.error().hint}));
      continue;
    }
    WEIR_TRY(completed);
    board_.set_complete(done.table, true, done.rows);
    board_.set_phase(done.table, TablePhase::streaming,
                     "its snapshot is complete: " + std::to_string(done.rows) + " rows");
  }
  return {};
}

}  // namespace weir::sync
