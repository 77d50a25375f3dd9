/// The thread behind time limits.
#include "base/deadlines.h"

#include <algorithm>

namespace weir {
namespace {

/// A limit beyond this is none; added to the clock it must not overflow.
constexpr std::chrono::milliseconds kLimitMax = std::chrono::years(10);

}  // namespace

Deadlines::Deadlines() : thread_([this](const std::stop_token& stop) { watch(stop); }) {}

void Deadlines::add(std::chrono::milliseconds limit, std::weak_ptr<void> owner, std::function<void()> act) {
  {
    const std::lock_guard lock(mutex_);
    std::erase_if(due_, [](const auto& entry) { return entry.second.owner.expired(); });
    due_.emplace(Clock::now() + std::min(limit, kLimitMax), Deadline{std::move(owner), std::move(act)});
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
    const auto [owner, act] = std::move(first->second);
    due_.erase(first);
    lock.unlock();
    if (const auto alive = owner.lock()) act();
    lock.lock();
  }
}

}  // namespace weir
