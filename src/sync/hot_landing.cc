/// Commits of the hot database, and folding: hot rows become rows of the lake. It needs no marker, because it can be
/// done again.
#include "sync/hot_landing.h"

#include <algorithm>
#include <array>
#include <filesystem>

#include <fmt/format.h>

#include "base/ids.h"
#include "lake/hot.h"
#include "lake/lake.h"
#include "telemetry/log.h"

namespace weir::sync {
namespace {

namespace fs = std::filesystem;
using lake::SqlSession;

/// A table whose changes never stop for long is folded when its oldest row has waited so many times `fold_age`, so that
/// other readers of the lake see it.
constexpr int kPatience = 60;

/// A checkpoint that runs out of space makes the hot database unusable until it is opened anew, and even a small one
/// takes blocks of 256 KiB.
constexpr uint64_t kCheckpointRoomMin = 16u << 20;

constexpr std::string_view kAnyTombstone = "SELECT 1 FROM {} WHERE _kyma_op = 'delete' LIMIT 1";

/// Whether the next fold, or one with more room, may succeed.
bool may_pass(const Error& error) {
  constexpr std::array kPassing = {ErrorCode::cancelled,         ErrorCode::timeout,   ErrorCode::commit_conflict,
                                   ErrorCode::too_many_requests, ErrorCode::disk_full, ErrorCode::out_of_memory};
  return std::ranges::find(kPassing, error.code) != kPassing.end();
}

std::string main_schema() { return std::string(lake::kHotCatalog) + ".main"; }

/// A table that failed by itself so many times is folded no more.
constexpr int kFailedFoldsMax = 3;

/// A fold that was overtaken by other commits so many times runs in the committer's turn.
constexpr int kOvertakenMax = 2;

Result<std::string> newest_snapshot(SqlSession& session) {
  const auto rows =
      WEIR_TRY(session.rows(fmt::format("SELECT max(snapshot_id) FROM {}.ducklake_snapshot", lake::kMetadataCatalog)));
  return rows[0][0];
}

}  // namespace

HotLanding::HotLanding(std::string connector, OpenSession sessions, lake::Committer& committer, lake::FoldEpoch& epoch,
                       LandingOptions options)
    : CopyLanding(LandingRecords(std::move(connector), new_uuid(), main_schema()), std::move(sessions), committer,
                  epoch, std::move(options)) {}

Result<bool> HotLanding::has_landed(SqlSession& session, const std::string& connector) {
  const auto made =
      WEIR_TRY(session.rows(fmt::format("SELECT 1 FROM duckdb_tables() WHERE database_name = {} AND schema_name = "
                                        "'main' AND table_name = 'weir_position'",
                                        literal(lake::kHotCatalog))));
  if (made.empty()) return false;
  const auto rows = WEIR_TRY(session.rows(
      fmt::format("SELECT 1 FROM {}.weir_position WHERE connector = {}", main_schema(), literal(connector))));
  return !rows.empty();
}

Status HotLanding::make_records() {
  const auto make = [&]() -> Status {
    for (const auto& sql : records_.make_sql()) WEIR_TRY(session_->run(sql));
    return {};
  };
  // Two landings that open at the same time may both try.
  return make() ? Status() : make();
}

ExtentSizes HotLanding::extent_sizes() const {
  return {.small_rows = options_.fold_rows, .full_bytes = 128u << 20, .step_rows = 4'000'000};
}

std::string HotLanding::hot_of(const plan::TableName& table) const { return hot_table(records_.connector(), table); }

Status HotLanding::make_hot(const CopyShape& shape) {
  WEIR_TRY(session_->run(fmt::format("CREATE SCHEMA IF NOT EXISTS {}.{}", lake::kHotCatalog,
                                     identifier(lake::copy_schema(records_.connector(), shape.table->name.schema)))));
  return session_->run(create_hot_sql(shape));
}

Status HotLanding::drop_hot(const plan::TableName& table) {
  return session_->run("DROP TABLE IF EXISTS " + hot_of(table));
}

Status HotLanding::recall_hot(Copy& copy) {
  const auto count = WEIR_TRY(session_->rows("SELECT count(*) FROM " + hot_of(copy.name())));
  copy.hot_rows = std::stoull(count[0][0]);
  // It may have been loaded just before, and the rest be as of an earlier fold.
  copy.apart = copy.phase == CopyPhase::complete && copy.hot_rows > 0;
  return {};
}

/// What was just loaded is as of its snapshot, and the lake's rows of the others are as of the last fold.
Status HotLanding::settle_hot(Copy& copy) {
  const auto has_hot_rows = [](const Copy& one) { return one.hot_rows > 0; };
  copy.apart = has_hot_rows(copy) || std::ranges::any_of(complete_copies(), has_hot_rows);
  return {};
}

/// Whether a hot table that was empty for readers has rows after this transaction.
bool HotLanding::has_first_hot_rows() const {
  const std::lock_guard lock(mutex_);
  return std::ranges::any_of(changes_, [&](const auto& entry) {
    const auto copy = copies_.find(entry.first);
    return copy != copies_.end() && copy->second.phase == CopyPhase::complete && copy->second.hot_rows == 0 &&
           entry.second.hot_rows > 0;
  });
}

Status HotLanding::land(const LandedPosition& position) {
  // Who was told that there are no hot rows begins anew.
  std::optional<lake::FoldEpoch::Switch> switching;
  if (has_first_hot_rows()) switching.emplace(epoch_);
  return land_in_turn(position);
}

Status HotLanding::land_in_turn(const LandedPosition& position) {
  WEIR_TRY(record_commit(position));
  at("hot_commit");
  WEIR_TRY(session_->run("COMMIT"));
  at("hot_committed");
  adopt(position);
  return {};
}

bool HotLanding::due(const Copy& copy, bool now) const {
  if (copy.phase != CopyPhase::complete || copy.hot_rows == 0 || copy.failure) return false;
  if (now || copy.hot_rows >= options_.fold_rows) return true;
  const auto time = Clock::now();
  const bool quiet = time - copy.changed_at >= options_.fold_age;
  return (quiet && time - copy.hot_since >= options_.fold_age) ||
         time - copy.hot_since >= kPatience * options_.fold_age;
}

Result<uint64_t> HotLanding::fold(bool now, std::stop_token stop) {
  const std::lock_guard lock(folding_);
  const auto copies = complete_copies();
  const bool is_due =
      std::ranges::any_of(copies, [&](const Copy& copy) { return (copy.apart && !copy.failure) || due(copy, now); });
  uint64_t moved = 0;
  if (is_due && !gate_.is_held_long()) moved = WEIR_TRY(fold_tables(copies, stop));
  // First, because right after a fold there are the fewest hot rows to be written.
  auto kept = checkpoint_hot(now);
  if (kept) kept = upkeep(now, stop);
  if (kept) kept = look_for_tombstones();
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
  Fold fold{.copies = copies};
  const bool by_turn = overtaken_ >= kOvertakenMax;
  const auto move = [&]() -> Status {
    fold.begun_at = WEIR_TRY(newest_snapshot(*session));
    WEIR_TRY(session->run("BEGIN"));
    for (const auto& copy : copies) {
      if (stop.stop_requested()) return fail(ErrorCode::cancelled, "the fold was stopped");
      WEIR_TRY(fold_or_note(*session, copy, fold));
    }
    if (fold.up_to.empty()) return session->run("ROLLBACK");
    const auto finish = [&] { return switch_over(*session, fold); };
    return by_turn ? finish() : committer_.commit(*session, finish, stop);
  };
  auto done = by_turn ? committer_.commit(*session, move, stop) : move();
  if (done) {
    overtaken_ = 0;
    joined(fold);
    return fold.moved;
  }
  if (fold.overtaken) ++overtaken_;
  static_cast<void>(session->run("ROLLBACK"));
  // Somebody else went first, or has changed a table meanwhile; the rows are folded next time.
  if (done.error().code == ErrorCode::timeout || fold.gave_way || !are_unchanged(copies)) return 0;
  return fail(classified(std::move(done.error())));
}

/// One table that cannot be folded shall not hold up the others for good.
Status HotLanding::fold_or_note(SqlSession& session, const Copy& copy, Fold& fold) {
  if (copy.failure) return {};
  const auto folded = fold_rows(session, copy, fold);
  if (!folded && may_pass(classified(folded.error()))) return folded;
  const std::lock_guard state(mutex_);
  const auto known = copies_.find(copy.name());
  if (known == copies_.end() || known->second.snapshot != copy.snapshot) return folded;
  known->second.failed_folds = folded ? 0 : copy.failed_folds + 1;
  if (!folded && known->second.failed_folds == kFailedFoldsMax) known->second.failure = classified(folded.error());
  return folded;
}

/// What the hot table has when the transaction first looks at any of them.
Status HotLanding::fold_rows(SqlSession& session, const Copy& copy, Fold& fold) {
  const auto hot = hot_of(copy.name());
  const auto up_to = WEIR_TRY(session.rows("SELECT max(_kyma_lsn) FROM " + hot))[0][0];
  if (up_to.empty()) return {};
  if (!WEIR_TRY(session.rows(fmt::format(kAnyTombstone, hot))).empty()) fold.buried.insert(copy.name());
  WEIR_TRY(supersede(session, copy.shape, /*only_new=*/false));
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
  // DuckLake writes into a file of deletes the number of the snapshot that it expects to make: behind another commit
  // they would be seen there already, and the rows that come in their place would not (tests/lake/known).
  if (WEIR_TRY(newest_snapshot(*hot)) != fold.begun_at) {
    fold.gave_way = fold.overtaken = true;
    return fail(ErrorCode::commit_conflict, "a fold of " + records_.connector() + " gives way to another commit");
  }
  WEIR_TRY(hot->run("BEGIN"));
  std::map<plan::TableName, uint64_t> moved;
  const auto switched = [&]() -> Status {
    WEIR_TRY(records_.hold(*hot));
    for (const auto& [table, up_to] : fold.up_to) {
      moved[table] =
          WEIR_TRY(hot->change(fmt::format("DELETE FROM {} WHERE _kyma_lsn <= {}", hot_of(table), literal(up_to))));
    }
    const lake::FoldEpoch::Switch switching(epoch_);
    {
      const std::lock_guard state(mutex_);
      for (const auto& table : fold.buried) copies_.at(table).tombstones = true;
    }
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

/// Readers of a table that has none in the lake need not look for them. A lake table that cannot be read may have some.
Status HotLanding::look_for_tombstones() {
  for (const auto& copy : complete_copies()) {
    if (copy.tombstones) continue;
    const auto session = WEIR_TRY(this->session());
    const auto found = session->rows(fmt::format(kAnyTombstone, lake_of(copy.name())));
    const bool any = !found || !found->empty();
    // Transactions that began before have older rows.
    std::optional<lake::FoldEpoch::Switch> switching;
    if (!any) switching.emplace(epoch_);
    const std::lock_guard state(mutex_);
    const auto known = copies_.find(copy.name());
    if (known == copies_.end() || known->second.snapshot != copy.snapshot) continue;
    known->second.tombstones = any;
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

/// DuckDB's own checkpoints are off (lake.h).
Status HotLanding::checkpoint_hot(bool now) {
  const auto file = committer_.directory() / "hot.duckdb";
  auto log = file;
  log += ".wal";
  std::error_code failed;
  const auto log_bytes = fs::file_size(log, failed);
  if (failed || log_bytes <= (now ? 0 : options_.hot_log_bytes_max)) return {};
  const auto room = fs::space(committer_.directory(), failed).available;
  if (failed || room < kCheckpointRoomMin + 2 * (fs::file_size(file, failed) + log_bytes)) {
    telemetry::log(
        telemetry::Level::warning, "hot_log_not_folded",
        {{"reason", "little space"}, {"log_bytes", std::to_string(log_bytes)}, {"free_bytes", std::to_string(room)}});
    return {};
  }
  const auto session = WEIR_TRY(this->session());
  const HotGate::Step step(gate_);
  at("hot_checkpoint");
  const auto folded = session->run("CHECKPOINT " + std::string(lake::kHotCatalog));
  // Another connector's transaction is under way: the next fold tries again.
  if (!folded) {
    telemetry::log(telemetry::Level::debug, "hot_log_not_folded",
                   {{"reason", folded.error().message}, {"log_bytes", std::to_string(log_bytes)}});
  }
  return {};
}

}  // namespace weir::sync
