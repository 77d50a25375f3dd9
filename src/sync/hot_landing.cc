#include "sync/hot_landing.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/ids.h"
#include "lake/catalog_errors.h"

namespace weir::sync {

using lake::SqlSession;

Result<std::unique_ptr<Landing>> Landing::open(std::string connector, const OpenSession& sessions,
                                               lake::Committer& committer, lake::FoldEpoch& epoch,
                                               LandingOptions options) {
  auto landing = std::make_unique<HotLanding>(std::move(connector), sessions, committer, epoch, std::move(options));
  WEIR_TRY(landing->open());
  return landing;
}

HotLanding::HotLanding(std::string connector, OpenSession sessions, lake::Committer& committer, lake::FoldEpoch& epoch,
                       LandingOptions options)
    : sessions_(std::move(sessions)),
      committer_(committer),
      epoch_(epoch),
      options_(std::move(options)),
      records_(std::move(connector), new_uuid()),
      clock_(std::max({options_.tombstones_kept, options_.snapshots_kept, std::chrono::hours(24)})),
      retention_(committer_.retention(), options_.snapshots_kept) {}

HotLanding::~HotLanding() { roll_back(); }

Status HotLanding::open() {
  session_ = WEIR_TRY(session());
  if (auto made = HotRecords::make(*session_); !made) {
    // Two landings that open at the same time may both try.
    WEIR_TRY(HotRecords::make(*session_));
  }
  WEIR_TRY(session_->run("BEGIN"));
  if (auto taken = records_.take_over(*session_); !taken) {
    static_cast<void>(session_->run("ROLLBACK"));
    return fail(classified(std::move(taken.error())));
  }
  if (auto done = session_->run("COMMIT"); !done) return fail(classified(std::move(done.error())));
  WEIR_TRY(undo_intents(*session_));
  const std::lock_guard lock(mutex_);
  position_ = WEIR_TRY(records_.position(*session_));
  for (auto& record : WEIR_TRY(records_.copies(*session_))) {
    Copy copy{std::move(record), 0, Clock::now(), Clock::now()};
    const auto count = WEIR_TRY(session_->rows("SELECT count(*) FROM " + hot_of(copy.name())));
    copy.hot_rows = std::stoull(count[0][0]);
    copies_.insert_or_assign(copy.name(), std::move(copy));
  }
  return {};
}

void HotLanding::at(std::string_view step) const {
  if (options_.at_step) options_.at_step(step);
}

Error HotLanding::classified(Error error) const { return lake::classify(std::move(error), committer_.directory()); }

Result<std::unique_ptr<SqlSession>> HotLanding::session() const { return sessions_(); }

std::optional<LandedPosition> HotLanding::position() const {
  const std::lock_guard lock(mutex_);
  return position_;
}

/// The caller holds the lock.
LandedTable HotLanding::landed(const Copy& copy) const {
  const auto load = loads_.find(copy.name());
  const auto rows_read = load == loads_.end() ? std::nullopt : std::optional(load->second->rows_read());
  return {copy.shape.table, copy.phase, copy.snapshot, rows_read, copy.hot_rows};
}

std::vector<LandedTable> HotLanding::tables() const {
  const std::lock_guard lock(mutex_);
  std::vector<LandedTable> tables;
  for (const auto& [name, copy] : copies_) tables.push_back(landed(copy));
  return tables;
}

std::optional<LandedTable> HotLanding::table(const plan::TableName& name) const {
  const std::lock_guard lock(mutex_);
  const auto found = copies_.find(name);
  return found == copies_.end() ? std::nullopt : std::optional(landed(found->second));
}

Result<Copy> HotLanding::copy_of(const plan::TableName& table) const {
  const std::lock_guard lock(mutex_);
  const auto found = copies_.find(table);
  if (found != copies_.end()) return found->second;
  return fail(ErrorCode::table_not_found,
              fmt::format("no copy of table {} of connector {}", table.to_string(), records_.connector()));
}

std::vector<Copy> HotLanding::complete_copies() const {
  const std::lock_guard lock(mutex_);
  std::vector<Copy> copies;
  for (const auto& [name, copy] : copies_) {
    if (copy.phase == CopyPhase::complete) copies.push_back(copy);
  }
  return copies;
}

void HotLanding::put(Copy copy) {
  const std::lock_guard lock(mutex_);
  const auto name = copy.name();
  copies_.insert_or_assign(name, std::move(copy));
}

void HotLanding::remove(const plan::TableName& table) {
  const std::lock_guard lock(mutex_);
  copies_.erase(table);
}

Status HotLanding::hot_step(SqlSession& session, const Work& work, const std::function<void()>& known) {
  const HotGate::Step step(gate_);
  WEIR_TRY(session.run("BEGIN"));
  auto done = work(session);
  if (done) done = records_.hold(session);
  if (done) {
    // Who was told before how the copy stands and takes its snapshots after, or the other way round, begins anew.
    std::optional<lake::FoldEpoch::Switch> switching;
    if (known) switching.emplace(epoch_);
    done = session.run("COMMIT");
    if (done && known) known();
  }
  if (done) return done;
  static_cast<void>(session.run("ROLLBACK"));
  return fail(classified(std::move(done.error())));
}

Status HotLanding::lake_statement(SqlSession& session, const std::string& sql, std::stop_token stop) {
  return committer_.commit(session, [&] { return session.run(sql); }, std::move(stop));
}

}  // namespace weir::sync
