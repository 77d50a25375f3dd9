/// The queries that run and those that ran last.
#include "engine/query_log.h"

#include <algorithm>

#include "base/time.h"
#include "engine/secret_text.h"
#include "options/options.h"

namespace weir::engine {
namespace {

using Clock = std::chrono::steady_clock;

/// A line keeps the beginning of a long text: the log holds a thousand of them.
constexpr size_t kTextBytesMax = 4096;

std::string shown(const std::string& text) {
  if (holds_secret(text)) return std::string(kSecretText);
  if (text.size() <= kTextBytesMax) return options::mask_urls(text);
  size_t end = kTextBytesMax;
  while (end > 0 && (text[end] & 0xC0) == 0x80) --end;
  return options::mask_urls(text.substr(0, end)) + " …";
}

double milliseconds_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

}  // namespace

Status QueryLog::begin(const std::string& id, const QueryRequest& request, std::weak_ptr<Interruption> interruption) {
  QueryLine line{id,
                 shown(request.text),
                 request.principal.name,
                 "running",
                 iso8601_utc(std::chrono::system_clock::now()),
                 0,
                 {},
                 nullptr};
  const std::lock_guard lock(mutex_);
  if (draining_) return fail(ErrorCode::shutting_down, "the server is stopping and takes no new queries");
  if (running_.size() >= static_cast<size_t>(running_max_)) {
    return fail(ErrorCode::too_many_requests,
                "as many queries as allowed are running: " + std::to_string(running_max_));
  }
  running_.emplace(id, Running{std::move(line), Clock::now(), std::move(interruption)});
  return {};
}

void QueryLog::finish(const std::string& id, const Error* error, const QuerySummary& summary) {
  const std::lock_guard lock(mutex_);
  auto found = running_.find(id);
  if (found == running_.end()) return;
  QueryLine line = std::move(found->second.line);
  running_.erase(found);
  line.elapsed_ms = summary.elapsed_ms;
  line.state = error == nullptr ? "done" : error->code == ErrorCode::cancelled ? "cancelled" : "failed";
  if (line.state == "failed") line.error_code = describe(error->code).name;
  line.summary = summary;
  finished_.push_front(std::move(line));
  if (finished_.size() > kept_) finished_.pop_back();
  ended_.notify_all();
}

std::optional<std::chrono::system_clock::time_point> QueryLog::oldest_running() const {
  const std::lock_guard lock(mutex_);
  if (running_.empty()) return {};
  auto oldest = Clock::time_point::max();
  for (const auto& [id, running] : running_) oldest = std::min(oldest, running.started);
  return std::chrono::system_clock::now() - (Clock::now() - oldest);
}

std::vector<QueryLine> QueryLog::lines() const {
  const std::lock_guard lock(mutex_);
  std::vector<QueryLine> lines;
  for (const auto& [id, running] : running_) {
    lines.push_back(running.line);
    lines.back().elapsed_ms = milliseconds_since(running.started);
  }
  lines.insert(lines.end(), finished_.begin(), finished_.end());
  return lines;
}

Status QueryLog::cancel(const std::string& id) {
  std::shared_ptr<Interruption> interruption;
  {
    const std::lock_guard lock(mutex_);
    if (auto found = running_.find(id); found != running_.end()) interruption = found->second.interruption.lock();
  }
  if (!interruption) return fail(ErrorCode::query_not_found, "no running query has the id " + id);
  interruption->stop({ErrorCode::cancelled, "the query was cancelled", {}, {}});
  return {};
}

void QueryLog::drain(std::chrono::milliseconds limit) {
  std::unique_lock lock(mutex_);
  draining_ = true;
  if (ended_.wait_for(lock, limit, [this] { return running_.empty(); })) return;
  auto left = running_interruptions();
  lock.unlock();
  for (const auto& interruption : left) {
    interruption->stop(
        {ErrorCode::shutting_down, "the server is stopping; the query ran longer than it could wait", {}, {}});
  }
}

std::vector<std::shared_ptr<Interruption>> QueryLog::running_interruptions() const {
  std::vector<std::shared_ptr<Interruption>> left;
  for (const auto& [id, running] : running_) {
    if (auto interruption = running.interruption.lock()) left.push_back(std::move(interruption));
  }
  return left;
}

}  // namespace weir::engine
