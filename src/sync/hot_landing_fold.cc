/// Folding: hot rows become rows of the lake. It needs no marker, because it can be done again.
#include <fmt/format.h>

#include "sync/hot_landing.h"
#include "telemetry/log.h"

namespace weir::sync {
namespace {

using lake::SqlSession;

/// A table whose changes never stop for long is folded when its oldest row has waited so many times `fold_age`, so that
/// other readers of the lake see it.
constexpr int kPatience = 60;

}  // namespace

bool HotLanding::due(const Copy& copy, bool now) const {
  if (copy.phase != CopyPhase::complete || copy.hot_rows == 0) return false;
  if (now || copy.hot_rows >= options_.fold_rows) return true;
  const auto time = Clock::now();
  const bool quiet = time - copy.changed_at >= options_.fold_age;
  return (quiet && time - copy.hot_since >= options_.fold_age) ||
         time - copy.hot_since >= kPatience * options_.fold_age;
}

Result<uint64_t> HotLanding::fold(bool now, std::stop_token stop) {
  const std::lock_guard lock(folding_);
  std::vector<plan::TableName> tables;
  {
    const std::lock_guard state(mutex_);
    for (const auto& [name, copy] : copies_) {
      if (due(copy, now)) tables.push_back(name);
    }
  }
  uint64_t moved = 0;
  for (const auto& table : tables) {
    if (!gate_.is_held_long()) moved += WEIR_TRY(fold_table(table, stop));
  }
  const auto kept = upkeep(now, stop);
  if (!kept && moved == 0) return fail(kept.error());
  if (!kept) {
    telemetry::log(telemetry::Level::warning, "upkeep_failed",
                   {{"connector", records_.connector()}, {"error", kept.error().to_string()}});
  }
  return moved;
}

Result<uint64_t> HotLanding::fold_table(const plan::TableName& table, std::stop_token stop) {
  const lake::Committer::LongWrite writing(committer_);
  const auto session = WEIR_TRY(this->session());
  const std::stop_callback on_stop(stop, [&] { session->interrupt(); });
  const auto copy = WEIR_TRY(copy_of(table));
  const auto hot = hot_of(table);
  const auto lake = lake_of(table);
  std::string columns;
  for (const auto& column : copy.shape.stored()) columns += identifier(column.name) + ", ";
  columns += "_kyma_op, _kyma_lsn, _kyma_event_at";
  Switched outcome;
  const auto move = [&]() -> Status {
    WEIR_TRY(session->run("BEGIN"));
    if (stop.stop_requested()) return fail(ErrorCode::cancelled, "the fold was stopped");
    const auto up_to = WEIR_TRY(session->rows("SELECT max(_kyma_lsn) FROM " + hot))[0][0];
    if (up_to.empty()) return session->run("ROLLBACK");
    at("fold_delete");
    WEIR_TRY(session->change(fmt::format("DELETE FROM {} WHERE {}", lake, is_superseded(*copy.shape.table, hot))));
    at("fold_insert");
    WEIR_TRY(session->change(fmt::format("INSERT INTO {} ({}) SELECT {} FROM {}", lake, columns, columns, hot)));
    return committer_.commit(*session, [&] { return switch_over(copy, *session, up_to, outcome); }, stop);
  };
  auto done = move();
  if (done) return outcome.moved;
  static_cast<void>(session->run("ROLLBACK"));
  // The committing thread went first, or has changed the table meanwhile; the rows are folded next time.
  const auto now = copy_of(table);
  const bool changed = !now || now->version != copy.version;
  if (done.error().code == ErrorCode::timeout || outcome.gave_way || changed) return 0;
  return fail(classified(std::move(done.error())));
}

/// In the committer's turn. Readers wait from the lake's COMMIT to the hot database's.
Status HotLanding::switch_over(const Copy& copy, SqlSession& lake, const std::string& up_to, Switched& outcome) {
  const HotGate::FoldStep step(gate_);
  const auto now = copy_of(copy.name());
  if (!step || !now || now->version != copy.version || now->snapshot != copy.snapshot) {
    outcome.gave_way = true;
    return fail(ErrorCode::commit_conflict, "a fold gives way to the changes of table " + copy.name().to_string());
  }
  const auto hot = WEIR_TRY(session());
  WEIR_TRY(hot->run("BEGIN"));
  const auto switched = [&]() -> Status {
    WEIR_TRY(records_.hold(*hot));
    outcome.moved =
        WEIR_TRY(hot->change(fmt::format("DELETE FROM {} WHERE _kyma_lsn <= {}", hot_of(copy.name()), literal(up_to))));
    const lake::FoldEpoch::Switch switching(epoch_);
    at("fold_lake_commit");
    WEIR_TRY(lake.run("COMMIT"));
    at("fold_hot_commit");
    return hot->run("COMMIT");
  }();
  if (!switched) {
    static_cast<void>(hot->run("ROLLBACK"));
    return switched;
  }
  at("fold_done");
  const std::lock_guard state(mutex_);
  auto& known = copies_.at(copy.name());
  known.hot_rows -= outcome.moved;
  known.hot_since = Clock::now();
  known.look_at_extents = known.look_when_quiet = true;
  return {};
}

}  // namespace weir::sync
