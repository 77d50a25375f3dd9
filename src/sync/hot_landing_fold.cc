/// Folding: hot rows become rows of the lake. It needs no marker, because it can be done again.
#include <algorithm>

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
  const auto copies = complete_copies();
  const bool is_due = std::ranges::any_of(copies, [&](const Copy& copy) { return copy.apart || due(copy, now); });
  uint64_t moved = 0;
  if (is_due && !gate_.is_held_long()) moved = WEIR_TRY(fold_tables(copies, stop));
  const auto kept = upkeep(now, stop);
  if (!kept && moved == 0) return fail(kept.error());
  if (!kept) {
    telemetry::log(telemetry::Level::warning, "upkeep_failed",
                   {{"connector", records_.connector()}, {"error", kept.error().to_string()}});
  }
  return moved;
}

/// All tables in one transaction of the lake, though only one of them may be due: at each of its snapshots they are the
/// source after one commit.
Result<uint64_t> HotLanding::fold_tables(const std::vector<Copy>& copies, std::stop_token stop) {
  const lake::Committer::LongWrite writing(committer_);
  const auto session = WEIR_TRY(this->session());
  const std::stop_callback on_stop(stop, [&] { session->interrupt(); });
  Fold fold{copies, {}, 0, false};
  const auto move = [&]() -> Status {
    WEIR_TRY(session->run("BEGIN"));
    for (const auto& copy : copies) {
      if (stop.stop_requested()) return fail(ErrorCode::cancelled, "the fold was stopped");
      WEIR_TRY(fold_rows(*session, copy, fold));
    }
    if (fold.up_to.empty()) return session->run("ROLLBACK");
    return committer_.commit(*session, [&] { return switch_over(*session, fold); }, stop);
  };
  auto done = move();
  if (done) {
    joined(fold);
    return fold.moved;
  }
  static_cast<void>(session->run("ROLLBACK"));
  // The committing thread went first, or has changed a table meanwhile; the rows are folded next time.
  if (done.error().code == ErrorCode::timeout || fold.gave_way || !are_unchanged(copies)) return 0;
  return fail(classified(std::move(done.error())));
}

/// What the hot table has when the transaction first looks at any of them.
Status HotLanding::fold_rows(SqlSession& session, const Copy& copy, Fold& fold) {
  const auto hot = hot_of(copy.name());
  const auto lake = lake_of(copy.name());
  const auto up_to = WEIR_TRY(session.rows("SELECT max(_kyma_lsn) FROM " + hot))[0][0];
  if (up_to.empty()) return {};
  std::string columns;
  for (const auto& column : copy.shape.stored()) columns += identifier(column.name) + ", ";
  columns += "_kyma_op, _kyma_lsn, _kyma_event_at";
  at("fold_delete");
  WEIR_TRY(session.change(fmt::format("DELETE FROM {} WHERE {}", lake, is_superseded(*copy.shape.table, hot))));
  at("fold_insert");
  WEIR_TRY(session.change(fmt::format("INSERT INTO {} ({}) SELECT {} FROM {}", lake, columns, columns, hot)));
  fold.up_to[copy.name()] = up_to;
  return {};
}

/// Whether these are the tables that are complete now, and nothing but rows has changed in them.
bool HotLanding::are_unchanged(const std::vector<Copy>& copies) const {
  const auto now = complete_copies();
  return std::ranges::equal(now, copies, [](const Copy& left, const Copy& right) {
    return left.name() == right.name() && left.version == right.version && left.snapshot == right.snapshot;
  });
}

/// In the committer's turn. Readers wait from the lake's COMMIT to the hot database's.
Status HotLanding::switch_over(SqlSession& lake, Fold& fold) {
  const HotGate::FoldStep step(gate_);
  if (!step || !are_unchanged(fold.copies)) {
    fold.gave_way = true;
    return fail(ErrorCode::commit_conflict, "a fold gives way to changes of tables of " + records_.connector());
  }
  const auto hot = WEIR_TRY(session());
  WEIR_TRY(hot->run("BEGIN"));
  std::map<plan::TableName, uint64_t> moved;
  const auto switched = [&]() -> Status {
    WEIR_TRY(records_.hold(*hot));
    for (const auto& [table, up_to] : fold.up_to) {
      moved[table] =
          WEIR_TRY(hot->change(fmt::format("DELETE FROM {} WHERE _kyma_lsn <= {}", hot_of(table), literal(up_to))));
    }
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
  for (const auto& [table, rows] : moved) {
    auto& known = copies_.at(table);
    known.hot_rows -= rows;
    known.hot_since = Clock::now();
    known.look_at_extents = known.look_when_quiet = true;
    fold.moved += rows;
  }
  return {};
}

/// The lake shows these tables as of one commit.
void HotLanding::joined(const Fold& fold) {
  const std::lock_guard state(mutex_);
  for (const auto& copy : fold.copies) {
    const auto known = copies_.find(copy.name());
    if (known != copies_.end() && known->second.snapshot == copy.snapshot) known->second.apart = false;
  }
}

}  // namespace weir::sync
