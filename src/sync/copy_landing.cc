#include "sync/copy_landing.h"

#include <algorithm>
#include <thread>

#include <fmt/format.h>

#include "lake/catalog_errors.h"

namespace weir::sync {

using lake::SqlSession;
namespace {

/// Between two tries to queue up for the committer's turn.
constexpr std::chrono::seconds kTurnPause{1};

}  // namespace

CopyLanding::CopyLanding(LandingRecords records, OpenSession sessions, lake::Committer& committer,
                         lake::FoldEpoch& epoch, LandingOptions options)
    : sessions_(std::move(sessions)),
      committer_(committer),
      epoch_(epoch),
      options_(std::move(options)),
      records_(std::move(records)),
      clock_(std::max({options_.tombstones_kept, options_.snapshots_kept, std::chrono::hours(24)})),
      retention_(committer_.retention(), options_.snapshots_kept) {}

CopyLanding::~CopyLanding() { roll_back(); }

Status CopyLanding::open() {
  session_ = WEIR_TRY(session());
  WEIR_TRY(make_records());
  WEIR_TRY(record(*session_, [&](SqlSession& session) { return records_.take_over(session); }));
  WEIR_TRY(undo_intents(*session_));
  const std::lock_guard lock(mutex_);
  position_ = WEIR_TRY(records_.position(*session_));
  for (auto& record : WEIR_TRY(records_.copies(*session_))) {
    Copy copy{};
    static_cast<CopyRecord&>(copy) = std::move(record);
    copy.hot_since = copy.changed_at = Clock::now();
    WEIR_TRY(recall_hot(copy));
    copies_.insert_or_assign(copy.name(), std::move(copy));
  }
  return {};
}

void CopyLanding::at(std::string_view step) const {
  if (options_.at_step) options_.at_step(step);
}

Error CopyLanding::classified(Error error) const { return lake::classify(std::move(error), committer_.directory()); }

Result<std::unique_ptr<SqlSession>> CopyLanding::session() const { return sessions_(); }

std::optional<LandedPosition> CopyLanding::position() const {
  const std::lock_guard lock(mutex_);
  return position_;
}

/// The caller holds the lock.
LandedTable CopyLanding::landed(const Copy& copy) const {
  const auto load = loads_.find(copy.name());
  const auto rows_read = load == loads_.end() ? std::nullopt : std::optional(load->second->rows_read());
  // A commit in the lake does not wait for readers who were told that there are none.
  const bool tombstones = commits_in_lake() || copy.tombstones.value_or(true);
  return {copy.shape.table, copy.phase, copy.snapshot, rows_read, copy.hot_rows, tombstones, copy.failure};
}

std::vector<LandedTable> CopyLanding::tables() const {
  const std::lock_guard lock(mutex_);
  std::vector<LandedTable> tables;
  for (const auto& [name, copy] : copies_) tables.push_back(landed(copy));
  return tables;
}

std::optional<LandedTable> CopyLanding::table(const plan::TableName& name) const {
  const std::lock_guard lock(mutex_);
  const auto found = copies_.find(name);
  return found == copies_.end() ? std::nullopt : std::optional(landed(found->second));
}

Result<Copy> CopyLanding::copy_of(const plan::TableName& table) const {
  const std::lock_guard lock(mutex_);
  const auto found = copies_.find(table);
  if (found != copies_.end()) return found->second;
  return fail(ErrorCode::table_not_found,
              fmt::format("no copy of table {} of connector {}", table.to_string(), records_.connector()));
}

void CopyLanding::put(Copy copy) {
  const std::lock_guard lock(mutex_);
  const auto name = copy.name();
  copies_.insert_or_assign(name, std::move(copy));
}

void CopyLanding::remove(const plan::TableName& table) {
  const std::lock_guard lock(mutex_);
  copies_.erase(table);
}

std::vector<Copy> CopyLanding::complete_copies() const {
  const std::lock_guard lock(mutex_);
  std::vector<Copy> copies;
  for (const auto& [name, copy] : copies_) {
    if (copy.phase == CopyPhase::complete) copies.push_back(copy);
  }
  return copies;
}

/// A copy that has all changes since it was prepared.
Result<Copy> CopyLanding::whole_copy_of(const plan::TableName& table) const {
  auto copy = WEIR_TRY(copy_of(table));
  if (!copy.lost) return copy;
  return fail(ErrorCode::commit_conflict,
              "changes of a table that is loading are lost: it must be prepared anew: " + table.to_string());
}

Status CopyLanding::step(const Work& work, const std::function<void()>& known) {
  const HotGate::Step alone(gate_);
  return record(
      *session_,
      [&](SqlSession& session) -> Status {
        WEIR_TRY(work(session));
        return records_.hold(session);
      },
      known);
}

Status CopyLanding::record(SqlSession& session, const Work& work, const std::function<void()>& known) {
  WEIR_TRY(session.run("BEGIN"));
  auto done = work(session);
  if (done) {
    done = end(session, [&]() -> Status {
      // Who was told before how the copy stands and takes its snapshots after, or the other way round, begins anew.
      std::optional<lake::FoldEpoch::Switch> switching;
      if (known) switching.emplace(epoch_);
      WEIR_TRY(session.run("COMMIT"));
      if (known) known();
      return {};
    });
  }
  if (done) return done;
  static_cast<void>(session.run("ROLLBACK"));
  return fail(classified(std::move(done.error())));
}

Status CopyLanding::lake_statement(SqlSession& session, const std::string& sql, std::stop_token stop) {
  return committer_.commit(session, [&] { return session.run(sql); }, std::move(stop));
}

/// As Committer::commit, but others may write for long: what would be lost to them is too dear.
Status CopyLanding::in_turn(SqlSession& session, const std::function<Status()>& work, const std::stop_token& stop) {
  for (;;) {
    auto done = committer_.commit(session, work, stop);
    const bool too_many = !done && done.error().code == ErrorCode::too_many_requests;
    const bool waited_long = !done && done.error().code == ErrorCode::timeout;
    if (stop.stop_requested() || (!too_many && !waited_long)) return done;
    if (too_many) std::this_thread::sleep_for(kTurnPause);
  }
}

Status CopyLanding::supersede(SqlSession& session, const CopyShape& shape, bool only_new) {
  const auto lake = lake_of(shape.table->name);
  const auto hot = hot_of(shape.table->name);
  const auto columns = row_columns(shape);
  if (!only_new) {
    at("lake_delete");
    WEIR_TRY(session.change(fmt::format("DELETE FROM {} WHERE {}", lake, is_superseded(*shape.table, hot))));
  }
  at("lake_insert");
  WEIR_TRY(session.change(fmt::format("INSERT INTO {} ({}) SELECT {} FROM {}", lake, columns, columns, hot)));
  return {};
}

std::string CopyLanding::row_columns(const CopyShape& shape) {
  std::string columns;
  for (const auto& column : shape.stored()) columns += identifier(column.name) + ", ";
  return columns + "_kyma_op, _kyma_lsn, _kyma_event_at";
}

}  // namespace weir::sync
