/// Runner: whether the source still has the copy's history, and which tables are kept.
#include <algorithm>

#include "sync/runner.h"

namespace weir::sync {

using connector::ChangeTablePtr;
using connector::TableStop;

namespace {

/// What a copy cannot keep of one table is nothing to the others.
bool is_of_table(const Error& error) {
  return error.code == ErrorCode::not_available_yet || error.code == ErrorCode::invalid_request;
}

/// Those whose copies are to go on: what changed while they were not published is not in the stream.
std::set<plan::TableName> with_gap(const std::vector<plan::TableName>& unpublished,
                                   const std::vector<LandedTable>& landed, const std::set<plan::TableName>& again) {
  std::set<plan::TableName> tables;
  for (const auto& one : landed) {
    const bool is_lost = std::ranges::find(unpublished, one.table->name) != unpublished.end();
    const bool goes_on = one.phase == CopyPhase::complete && !again.contains(one.table->name);
    if (is_lost && goes_on) tables.insert(one.table->name);
  }
  return tables;
}

}  // namespace

/// After the slot was lost, or the history: everything anew, when somebody asked for it.
Status Runner::restart_if_asked(connector::ChangeSource& changes) {
  {
    const std::lock_guard lock(mutex_);
    if (!restart_) return {};
  }
  WEIR_TRY(landing_->drop_all());
  WEIR_TRY(changes.forget());
  reopen_ = true;
  WEIR_TRY(show_what_is_there());
  board_.forget_history();
  const std::lock_guard lock(mutex_);
  all_there_.reset();
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
  if (state.end < landed->position) {
    return fail(ErrorCode::sync_data_loss,
                "the source stands at " + state.end + ", behind the copy, which stands at " + landed->position +
                    ": it was set back, and what it does now would be taken for what the copy has",
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
      board_.stop_table(wanted[i], stopped->second.why.reason, stopped->second.point);
    } else if (candidates[i].stop) {
      auto stop = *candidates[i].stop;
      const auto known = landing_->table(wanted[i]);
      if (stop.reason == "table_not_found" && known && board_.copy(wanted[i])->complete) {
        stop = WEIR_TRY(changes.fate(*known->table));
      }
      WEIR_TRY(stop_table(wanted[i], stop, last_seen()));
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
  for (const auto& table : again) stops_.erase(table);
  const auto landed = landing_->tables();
  for (const auto& known : landed) {
    const auto& name = known.table->name;
    if (!known.failure || stops_.contains(name) || again.contains(name)) continue;
    WEIR_TRY(stop_table(name, {"its changes cannot be put into the lake: " + known.failure->message, "resync it"}));
  }
  const auto tables = WEIR_TRY(examine(changes));
  const auto wanted = options_.tables();
  for (const auto& known : landed) {
    if (std::ranges::find(wanted, known.table->name) == wanted.end()) WEIR_TRY(landing_->drop(known.table->name));
  }
  std::vector<plan::TableName> names;
  for (const auto& table : tables) names.push_back(table->name);
  // Published again, they would go on with a gap: until they are to be loaded, also a start that ends here knows it.
  const auto lost = with_gap(WEIR_TRY(changes.unpublished(names)), landed, again);
  for (const auto& table : lost) {
    WEIR_TRY(stop_table(table, {"not_published", "let the publication have all of its changes, then resync it"},
                        last_seen()));
  }
  if (const auto published = changes.publish(names); !published) {
    const std::lock_guard lock(mutex_);
    if (published.error().code != ErrorCode::source_permission_denied) resync_.insert(lost.begin(), lost.end());
    return published;
  }
  auto anew = again;
  anew.insert(lost.begin(), lost.end());
  const auto to_load = WEIR_TRY(prepare(tables, landed, anew));
  {
    const std::lock_guard lock(mutex_);
    // One that was asked for again meanwhile is done again.
    if (!turn_) resync_.clear();
  }
  show_estimates(to_load);
  if (!landing_->position()) {
    WEIR_TRY(begin_history(changes, to_load));
  } else {
    for (const auto& table : to_load) jobs_->add(table->name, nullptr);
  }
  const std::lock_guard lock(mutex_);
  if (!all_there_) all_there_ = board_.stop_point();
  return {};
}

/// Tables whose copies are complete go on; the others are made ready, and answered, to be loaded.
Result<std::vector<ChangeTablePtr>> Runner::prepare(const std::vector<ChangeTablePtr>& tables,
                                                    const std::vector<LandedTable>& landed,
                                                    const std::set<plan::TableName>& anew) {
  std::vector<ChangeTablePtr> to_load;
  for (const auto& table : tables) {
    const auto& name = table->name;
    const auto known = std::ranges::find_if(landed, [&](const auto& one) { return one.table->name == name; });
    if (known != landed.end() && known->phase == CopyPhase::complete && !anew.contains(name)) {
      board_.set_complete(name, true, 0);
      board_.set_phase(name, TablePhase::streaming, "goes on");
      continue;
    }
    board_.set_complete(name, false, 0);
    board_.set_phase(name, TablePhase::pending, "waits for its snapshot");
    const auto prepared = landing_->prepare(table);
    if (!prepared && is_of_table(prepared.error())) {
      WEIR_TRY(stop_table(name, {prepared.error().message, prepared.error().hint}));
      continue;
    }
    WEIR_TRY(prepared);
    to_load.push_back(table);
    stops_.erase(name);
    WEIR_TRY(services_.store.delete_sync_stop(order_.spec.id, name.to_string()));
  }
  return to_load;
}

/// For people who wait; without an answer of the source there is none.
void Runner::show_estimates(const std::vector<ChangeTablePtr>& tables) {
  if (tables.empty()) return;
  const auto schema = order_.source->schema(true);
  if (!schema) return;
  for (const auto& table : tables) {
    const auto known = (*schema)->tables.find(table->name);
    if (known != (*schema)->tables.end()) board_.set_estimate(table->name, known->second.estimated_rows);
  }
}

/// The first start: the slot's own point serves the first snapshots.
Status Runner::begin_history(connector::ChangeSource& changes, const std::vector<ChangeTablePtr>& tables) {
  // A slot of that name is ours and was made by a start that did not come to its end: nothing hangs on it.
  auto point = changes.follow(halted_.get_token());
  if (!point && point.error().code == ErrorCode::already_exists) {
    WEIR_TRY(changes.forget());
    std::vector<plan::TableName> names;
    for (const auto& table : tables) names.push_back(table->name);
    WEIR_TRY(changes.publish(names));
    point = changes.follow(halted_.get_token());
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

/// A table that is gone, or has left the publication, was so already for some of what has landed since.
StopPoint Runner::last_seen() const {
  const std::lock_guard lock(mutex_);
  return all_there_.value_or(board_.stop_point());
}

Status Runner::stop_table(const plan::TableName& table, const TableStop& stop) {
  return stop_table(table, stop, board_.stop_point());
}

Status Runner::stop_table(const plan::TableName& table, const TableStop& stop, const StopPoint& point) {
  stops_[table] = {stop, point};
  const auto as_of = std::chrono::duration_cast<std::chrono::microseconds>(point.as_of.time_since_epoch());
  WEIR_TRY(services_.store.put_sync_stop(order_.spec.id,
                                         {table.to_string(), stop.reason, stop.hint, point.position, as_of.count()}));
  board_.stop_table(table, stop.reason, point);
  return {};
}

}  // namespace weir::sync
