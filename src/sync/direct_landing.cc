/// One transaction of the lake for every commit.
#include "sync/direct_landing.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/ids.h"
#include "lake/hot.h"
#include "lake/lake.h"

namespace weir::sync {
namespace {

using lake::SqlSession;

/// A commit looks for its keys in every extent, and writes the deleted rows of each anew.
constexpr double kRewriteDeletedShare = 0.1;
/// Upkeep looks at a table's extents after so many commits.
constexpr int kCommitsToLook = 16;

/// The schema of a connector's records: no schema of a source has an empty name.
std::string records_schema(std::string_view connector) { return lake::copy_schema(connector, ""); }

std::string records_place(std::string_view connector) {
  return fmt::format("{}.{}", lake::kCatalog, identifier(records_schema(connector)));
}

LandingOptions for_commits_in_lake(LandingOptions options) {
  options.rewrite_deleted_share = std::min(options.rewrite_deleted_share, kRewriteDeletedShare);
  return options;
}

}  // namespace

DirectLanding::DirectLanding(const std::string& connector, OpenSession sessions, lake::Committer& committer,
                             lake::FoldEpoch& epoch, LandingOptions options)
    : CopyLanding(LandingRecords(connector, new_uuid(), records_place(connector)), std::move(sessions), committer,
                  epoch, for_commits_in_lake(std::move(options))) {}

Result<bool> DirectLanding::has_landed(SqlSession& session, const std::string& connector) {
  const auto rows =
      WEIR_TRY(session.rows(fmt::format("SELECT 1 FROM duckdb_schemas() WHERE database_name = {} AND schema_name = {}",
                                        literal(lake::kCatalog), literal(records_schema(connector)))));
  return !rows.empty();
}

Status DirectLanding::make_records() {
  WEIR_TRY(lake_statement(*session_, "CREATE SCHEMA IF NOT EXISTS " + records_.place()));
  for (const auto& sql : records_.make_sql()) WEIR_TRY(lake_statement(*session_, sql));
  return {};
}

/// Commits wait for a step, so extents and steps are small.
ExtentSizes DirectLanding::extent_sizes() const {
  return {.small_rows = 10'000, .full_bytes = 32u << 20, .step_rows = 1'000'000};
}

std::string DirectLanding::hot_of(const plan::TableName& table) const {
  return "temp.main." + identifier("weir_hot " + identifier(table.schema) + "." + identifier(table.table));
}

Status DirectLanding::make_hot(const CopyShape& shape) { return session_->run(create_hot_sql(shape)); }

Status DirectLanding::drop_hot(const plan::TableName& table) {
  return session_->run("DROP TABLE IF EXISTS " + hot_of(table));
}

Status DirectLanding::recall_hot(Copy& copy) {
  copy.lost = copy.phase == CopyPhase::loading;
  return {};
}

Status DirectLanding::before_changes(const Copy& copy) {
  return copy.phase == CopyPhase::complete ? make_hot(copy.shape) : Status();
}

Status DirectLanding::settle_hot(Copy& copy) {
  if (copy.hot_rows > 0) WEIR_TRY(supersede(*session_, copy.shape, /*only_new=*/false));
  copy.hot_rows = 0;
  return {};
}

Status DirectLanding::end(SqlSession& session, const std::function<Status()>& commit) {
  return in_turn(session, commit, {});
}

Status DirectLanding::land(const LandedPosition& position) {
  WEIR_TRY(session_->run("COMMIT"));  // of the hot tables
  // All of it in the turn: DuckLake dates deletes when it writes them, and readers of a commit in between would see
  // them (tests/lake/known).
  const auto done = in_turn(*session_,
                            [&]() -> Status {
                              WEIR_TRY(write(position));
                              return commit_lake(position);
                            },
                            {});
  if (!done) lose_loading();
  return done;
}

Status DirectLanding::land_in_turn(const LandedPosition& position) {
  WEIR_TRY(session_->run("COMMIT"));  // of the hot tables
  auto done = write(position);
  if (done) done = commit_lake(position);
  if (!done) lose_loading();
  return done;
}

/// All of a transaction of the lake but its COMMIT.
Status DirectLanding::write(const LandedPosition& position) {
  WEIR_TRY(session_->run("BEGIN"));
  for (auto& [name, change] : changes_) {
    if (WEIR_TRY(copy_of(name)).phase == CopyPhase::loading || change.hot_rows == 0) continue;
    WEIR_TRY(supersede(*session_, change.shape, !WEIR_TRY(may_supersede(name, change))));
    change.hot_rows = 0;
  }
  return record_commit(position);
}

Status DirectLanding::commit_lake(const LandedPosition& position) {
  at("lake_commit");
  WEIR_TRY(session_->run("COMMIT"));
  at("lake_committed");
  std::vector<plan::TableName> changed;
  for (const auto& [name, change] : changes_) {
    if (change.rows_changed) changed.push_back(name);
  }
  adopt(position);
  const std::lock_guard lock(mutex_);
  for (const auto& name : changed) {
    const auto found = copies_.find(name);
    if (found == copies_.end() || found->second.phase == CopyPhase::loading) continue;
    auto& copy = found->second;
    copy.look_when_quiet = true;
    if (++copy.unseen_commits < kCommitsToLook) continue;
    copy.unseen_commits = 0;
    copy.look_at_extents = true;
  }
  return {};
}

/// Whether the lake may have rows with the keys of the transaction's. A key that is inserted has none but its
/// tombstone.
Result<bool> DirectLanding::may_supersede(const plan::TableName& table, const CopyChange& change) {
  std::optional<bool> tombstones;
  if (change.only_inserts) tombstones = WEIR_TRY(copy_of(table)).tombstones;
  if (change.only_inserts && !tombstones) {
    const auto found =
        WEIR_TRY(session_->rows(fmt::format("SELECT 1 FROM {} WHERE _kyma_op = 'delete' LIMIT 1", lake_of(table))));
    tombstones = !found.empty();
  }
  const std::lock_guard lock(mutex_);
  const auto copy = copies_.find(table);
  if (copy != copies_.end()) copy->second.tombstones = tombstones;
  return tombstones.value_or(true);
}

/// What their hot tables took is not in the lake's position, and cannot be taken out of them again.
void DirectLanding::lose_loading() {
  const std::lock_guard lock(mutex_);
  for (const auto& [name, change] : changes_) {
    const auto copy = copies_.find(name);
    if (copy != copies_.end()) copy->second.lost = copy->second.phase == CopyPhase::loading;
  }
}

Status DirectLanding::drop_all() {
  WEIR_TRY(CopyLanding::drop_all());
  return lake_statement(*session_, fmt::format("DROP SCHEMA IF EXISTS {} CASCADE", records_.place()));
}

Result<uint64_t> DirectLanding::fold(bool now, std::stop_token stop) {
  const std::lock_guard lock(folding_);
  WEIR_TRY(upkeep(now, stop));
  return uint64_t{0};
}

}  // namespace weir::sync
