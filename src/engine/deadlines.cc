/// The thread behind time limits.
#include "engine/deadlines.h"

#include <algorithm>
#include <string>

namespace weir::engine {

namespace {

/// A limit beyond this is none; added to the clock it must not overflow.
constexpr std::chrono::milliseconds kLimitMax = std::chrono::years(10);

}  // namespace

Deadlines::Deadlines() : thread_([this](const std::stop_token& stop) { watch(stop); }) {}

void Deadlines::add(std::chrono::milliseconds limit, std::weak_ptr<Interruption> query) {
  {
    const std::lock_guard lock(mutex_);
    std::erase_if(due_, [](const auto& entry) { return entry.second.query.expired(); });
    due_.emplace(Clock::now() + std::min(limit, kLimitMax), Deadline{limit, std::move(query)});
  }
  changed_.notify_one();
}

void Deadlines::watch(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    if (due_.empty()) {
      changed_.wait(lock, stop, [this] { return !due_.empty(); });
      continue;
    }
    auto first = due_.begin();
    if (auto at = first->first; at > Clock::now()) {
      // Woken for a new deadline too, which may be earlier.
      changed_.wait_until(lock, stop, at, [&] { return due_.empty() || due_.begin()->first < at; });
      continue;
    }
    auto [limit, weak] = first->second;
    due_.erase(first);
    lock.unlock();
    if (auto query = weak.lock()) {
      query->stop({ErrorCode::timeout,
                   "the query ran longer than its time limit: " + std::to_string(limit.count()) + " ms",
                   {},
                   {}});
    }
    lock.lock();
  }
}

}  // namespace weir::engine
