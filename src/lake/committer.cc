/// The queue of writers, and what surrounds each commit.
#include "lake/committer.h"

#include <string>
#include <system_error>

#include "lake/catalog_errors.h"
#include "lake/lake.h"
#include "telemetry/log.h"

namespace weir::lake {
namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

/// Ends the turn that was taken.
class Committer::Turn {
 public:
  explicit Turn(Committer& committer) : committer_(committer) {}
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;
  ~Turn() { committer_.end_turn(); }

 private:
  Committer& committer_;
};

Committer::Committer(CommitterOptions options, const fs::path& extents, telemetry::Metrics& metrics)
    : options_(options), directory_(extents.parent_path()), metrics_(metrics) {}

Committer::~Committer() = default;

Committer::LongWrite::LongWrite(Committer& committer) : committer_(committer) {
  const std::lock_guard lock(committer_.mutex_);
  committer_.long_writes_.insert(began_at_);
}

Committer::LongWrite::~LongWrite() {
  const std::lock_guard lock(committer_.mutex_);
  committer_.long_writes_.erase(committer_.long_writes_.find(began_at_));
}

std::optional<std::chrono::system_clock::time_point> Committer::oldest_long_write() {
  const std::lock_guard lock(mutex_);
  if (long_writes_.empty()) return {};
  return std::chrono::system_clock::now() - (Clock::now() - *long_writes_.begin());
}

Status Committer::commit(SqlSession& session, const std::function<Status()>& work, std::stop_token stop) {
  WEIR_TRY(take_turn(stop));
  const Turn turn(*this);
  const auto started = Clock::now();
  auto done = work();
  // A failed statement leaves an explicit transaction open; without one this answers an error that says so.
  if (!done) static_cast<void>(session.run("ROLLBACK"));
  metrics_.lake_commit(std::chrono::duration<double>(Clock::now() - started).count(), done.has_value());
  if (!done) return fail(classify(std::move(done.error()), directory_));
  fold_catalog_log(session);
  return done;
}

Status Committer::take_turn(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  if (stop.stop_requested()) return fail(ErrorCode::cancelled, "the statement was cancelled before its turn to write");
  if (serving_ && waiting_.size() >= static_cast<size_t>(options_.waiting_max)) {
    return fail(ErrorCode::too_many_requests, "too many statements wait to write: " + std::to_string(waiting_.size()));
  }
  const uint64_t ticket = next_ticket_++;
  waiting_.insert(ticket);
  metrics_.lake_writers_waiting(static_cast<int>(waiting_.size()));
  const bool mine = changed_.wait_until(lock, stop, Clock::now() + options_.wait_max,
                                        [&] { return !serving_ && *waiting_.begin() == ticket; });
  waiting_.erase(ticket);
  metrics_.lake_writers_waiting(static_cast<int>(waiting_.size()));
  if (mine) {
    serving_ = true;
    return {};
  }
  // Whoever stood behind may be first now.
  changed_.notify_all();
  if (stop.stop_requested()) return fail(ErrorCode::cancelled, "the statement was cancelled while it waited to write");
  return fail(ErrorCode::timeout,
              "the statement waited too long to write: " + std::to_string(options_.wait_max.count()) + " ms",
              "other writers are slow; try again");
}

void Committer::end_turn() {
  const std::lock_guard lock(mutex_);
  serving_ = false;
  changed_.notify_all();
}

void Committer::fold_catalog_log(SqlSession& session) {
  const auto catalog = directory_ / "catalog.ducklake";
  auto log = catalog;
  log += ".wal";
  std::error_code failed;
  const auto log_bytes = fs::file_size(log, failed);
  if (failed || log_bytes <= options_.catalog_log_bytes_max) return;
  // A fold writes changed parts of the catalog anew beside the old ones, and one that runs out of space makes the
  // catalog unusable until it is opened again. So there must be room for all of it.
  const auto room = fs::space(directory_, failed).available;
  if (failed || room < 2 * (fs::file_size(catalog, failed) + log_bytes)) {
    telemetry::log(
        telemetry::Level::warning, "catalog_log_not_folded",
        {{"reason", "little space"}, {"log_bytes", std::to_string(log_bytes)}, {"free_bytes", std::to_string(room)}});
    return;
  }
  const auto folded = session.run("CHECKPOINT " + std::string(kMetadataCatalog));
  if (!folded) {
    telemetry::log(telemetry::Level::warning, "catalog_log_not_folded",
                   {{"reason", folded.error().message}, {"log_bytes", std::to_string(log_bytes)}});
  }
}

}  // namespace weir::lake
