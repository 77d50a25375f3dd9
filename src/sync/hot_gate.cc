#include "sync/hot_gate.h"

namespace weir::sync {
namespace {

using std::chrono::steady_clock;

/// A fold holds the committer's turn while it waits, and all other writers of the lake wait behind it.
constexpr std::chrono::milliseconds kFoldPatience{250};

}  // namespace

void HotGate::enter() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return !stepping_ && waiting_ == 0; });
  committing_ = true;
  entered_at_ = steady_clock::now();
}

void HotGate::leave() {
  const std::lock_guard lock(mutex_);
  committing_ = false;
  lake_wanted_ = false;
  changed_.notify_all();
}

void HotGate::want_lake() {
  const std::lock_guard lock(mutex_);
  lake_wanted_ = true;
  changed_.notify_all();
}

bool HotGate::is_held_long() const {
  const std::lock_guard lock(mutex_);
  return committing_ && steady_clock::now() - entered_at_ > kFoldPatience;
}

bool HotGate::take(bool gives_up) {
  std::unique_lock lock(mutex_);
  ++waiting_;
  const auto may_go = [&] { return (!committing_ && !stepping_) || (gives_up && lake_wanted_); };
  if (gives_up) {
    changed_.wait_for(lock, kFoldPatience, may_go);
  } else {
    changed_.wait(lock, may_go);
  }
  --waiting_;
  const bool taken = !committing_ && !stepping_;
  if (taken) stepping_ = true;
  changed_.notify_all();
  return taken;
}

void HotGate::give_back() {
  const std::lock_guard lock(mutex_);
  stepping_ = false;
  changed_.notify_all();
}

}  // namespace weir::sync
