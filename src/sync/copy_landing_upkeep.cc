/// What keeps copies quick to read for weeks: few extents with few deleted rows, no snapshots that nobody needs, no
/// files that nothing refers to, a small hot database.
#include <algorithm>
#include <filesystem>

#include <fmt/format.h>

#include "base/time.h"
#include "lake/hot.h"
#include "lake/lake.h"
#include "sync/copy_landing.h"
#include "telemetry/log.h"

namespace weir::sync {
namespace {

namespace fs = std::filesystem;
using lake::SqlSession;
using std::chrono::system_clock;

/// So many extents of a size are copied into one.
constexpr size_t kExtentsToMerge = 8;
/// A file may be read by a statement that began before it was given up.
constexpr std::chrono::hours kFilesKept{1};
/// An unreferenced file may belong to a statement that is writing it.
constexpr std::chrono::hours kOrphansKept{24};

struct Extent {
  std::string path;
  uint64_t rows = 0, deleted = 0, bytes = 0;
  uint64_t alive() const { return rows - std::min(rows, deleted); }
};

Result<std::vector<Extent>> extents_of(SqlSession& session, const std::string& schema, const std::string& table) {
  const auto metadata = std::string(lake::kMetadataCatalog);
  const auto rows = WEIR_TRY(session.rows(
      fmt::format("SELECT l.data_file, f.record_count, coalesce(d.delete_count, 0), f.file_size_bytes FROM "
                  "ducklake_list_files({0}, {1}, schema => {2}) l JOIN {3}.ducklake_data_file f ON "
                  "parse_filename(l.data_file) = parse_filename(f.path) LEFT JOIN "
                  "{3}.ducklake_delete_file d ON d.data_file_id = f.data_file_id AND d.end_snapshot IS NULL",
                  literal(lake::kCatalog), literal(table), literal(schema), metadata)));
  std::vector<Extent> extents;
  for (const auto& row : rows)
    extents.push_back({row[0], std::stoull(row[1]), std::stoull(row[2]), std::stoull(row[3])});
  return extents;
}

/// The extents that are worth copying into new ones: many small ones of a size, and those with many deleted rows.
std::vector<Extent> worth_copying(std::vector<Extent> extents, const ExtentSizes& sizes, double deleted_share) {
  std::ranges::sort(extents, {}, &Extent::alive);
  size_t small = 0;
  uint64_t alive = 0;
  while (small < extents.size() && extents[small].bytes < sizes.full_bytes && alive < sizes.step_rows &&
         (small < 2 || extents[small].alive() <= std::max(alive, sizes.small_rows))) {
    alive += extents[small++].alive();
  }
  std::vector<Extent> chosen;
  if (small >= kExtentsToMerge) chosen.assign(extents.begin(), extents.begin() + static_cast<ptrdiff_t>(small));
  uint64_t rows = 0;
  for (const auto& extent : chosen) rows += extent.alive();
  for (size_t i = chosen.size(); i < extents.size() && rows < sizes.step_rows; ++i) {
    const auto& extent = extents[i];
    const auto share = static_cast<double>(extent.deleted) / static_cast<double>(std::max<uint64_t>(extent.rows, 1));
    if (extent.deleted == 0 || share < deleted_share) continue;
    rows += extent.alive();
    chosen.push_back(extent);
  }
  return chosen;
}

std::string at_text(system_clock::time_point at) { return "TIMESTAMPTZ " + literal(iso8601_utc(at)); }

}  // namespace

Status CopyLanding::upkeep(bool now, std::stop_token stop) {
  const auto copies = complete_copies();
  // A rewrite is a snapshot of the lake, too.
  const bool apart = std::ranges::any_of(copies, [](const Copy& copy) { return copy.apart && !copy.failure; });
  for (const auto& copy : copies) {
    if (stop.stop_requested()) return {};
    if (!apart) WEIR_TRY(tidy(copy, now, stop));
  }
  if (!committer_.retention().is_due() && !now) return {};
  return expire(stop);
}

/// One step for a table that was folded since the last look, or that is quiet.
Status CopyLanding::tidy(const Copy& copy, bool now, std::stop_token stop) {
  const bool quiet = copy.look_when_quiet && Clock::now() - copy.changed_at >= options_.quiet;
  if (!now && !quiet && !copy.look_at_extents) return {};
  // A rewrite would wait for all of a large transaction.
  if (commits_in_lake() && gate_.is_held_long()) return {};
  const auto share = quiet ? options_.rewrite_deleted_share_quiet : options_.rewrite_deleted_share;
  const bool rewritten = WEIR_TRY(rewrite(copy, share, stop));
  const std::lock_guard state(mutex_);
  const auto known = copies_.find(copy.name());
  if (known == copies_.end()) return {};
  if (rewritten) {
    known->second.tombstones.reset();
    return {};
  }
  known->second.look_at_extents = false;
  if (quiet) known->second.look_when_quiet = false;
  return {};
}

/// Copies rows into new extents in one transaction; false: there is nothing to gain. Tombstones that are old enough
/// stay behind.
Result<bool> CopyLanding::rewrite(const Copy& copy, double deleted_share, std::stop_token stop) {
  const lake::Committer::LongWrite writing(committer_);
  const auto session = WEIR_TRY(this->session());
  // A commit and a rewrite of one table would make each other fail.
  std::optional<HotGate::Step> alone;
  if (commits_in_lake()) alone.emplace(gate_);
  const auto schema = lake::copy_schema(records_.connector(), copy.name().schema);
  const auto chosen =
      worth_copying(WEIR_TRY(extents_of(*session, schema, copy.name().table)), extent_sizes(), deleted_share);
  if (chosen.empty()) return false;
  const std::stop_callback on_stop(stop, [&] { session->interrupt(); });
  std::string files;
  uint64_t alive = 0;
  for (const auto& extent : chosen) {
    files += (files.empty() ? "" : ", ") + literal(extent.path);
    alive += extent.alive();
  }
  const auto columns = row_columns(copy.shape);
  const auto lake = lake_of(copy.name());
  const auto forgotten =
      fmt::format("_kyma_op = 'delete' AND _kyma_event_at < {}", at_text(clock_.now() - options_.tombstones_kept));
  const auto copy_rows = [&]() -> Status {
    WEIR_TRY(session->run("BEGIN"));
    at("rewrite_insert");
    WEIR_TRY(
        session->change(fmt::format("INSERT INTO {0} ({1}) SELECT {1} FROM {0} WHERE filename IN ({2}) AND NOT ({3})",
                                    lake, columns, files, forgotten)));
    at("rewrite_delete");
    const auto gone = WEIR_TRY(session->change(fmt::format("DELETE FROM {} WHERE filename IN ({})", lake, files)));
    if (gone != alive) {
      return fail(ErrorCode::internal, fmt::format("extents of {} should have {} rows and have {}", lake, alive, gone));
    }
    return committer_.commit(
        *session,
        [&]() -> Status {
          const auto known = copy_of(copy.name());
          if (!known || known->version != copy.version || known->snapshot != copy.snapshot)
            return session->run("ROLLBACK");
          at("rewrite_commit");
          return session->run("COMMIT");
        },
        stop);
  };
  auto done = copy_rows();
  if (done) return true;
  static_cast<void>(session->run("ROLLBACK"));
  // It is tried again after the next fold; nobody waits for this.
  telemetry::log(
      telemetry::Level::warning, "extents_not_rewritten",
      {{"connector", records_.connector()}, {"table", copy.name().to_string()}, {"reason", done.error().message}});
  return false;
}

/// Of the whole lake: snapshots, then the files that only they needed, then files that nothing ever referred to.
Status CopyLanding::expire(std::stop_token stop) {
  const auto session = WEIR_TRY(this->session());
  const auto now = clock_.now();
  // A commit that compares itself with snapshots that were expired meanwhile may lose deletes (duckdb/ducklake#1472),
  // and the files that a long write has closed belong to nobody yet.
  auto oldest = std::min(now, committer_.oldest_long_write().value_or(now));
  if (options_.oldest_reader) oldest = std::min(oldest, options_.oldest_reader().value_or(now));
  const auto catalog = literal(lake::kCatalog);
  if (const auto kept = committer_.retention().longest()) {
    at("expire");
    WEIR_TRY(lake_statement(*session,
                            fmt::format("CALL ducklake_expire_snapshots({}, older_than => {})", catalog,
                                        at_text(std::min(oldest, now - *kept))),
                            stop));
  }
  at("clean_up");
  WEIR_TRY(lake_statement(
      *session,
      fmt::format("CALL ducklake_cleanup_old_files({}, older_than => {})", catalog, at_text(oldest - kFilesKept)),
      stop));
  return lake_statement(
      *session,
      fmt::format("CALL ducklake_delete_orphaned_files({}, older_than => {})", catalog, at_text(oldest - kOrphansKept)),
      stop);
}

}  // namespace weir::sync
