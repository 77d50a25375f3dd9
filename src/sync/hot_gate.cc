#include "sync/hot_gate.h"

namespace weir::sync {

void HotGate::enter() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return !stepping_ && waiting_ == 0; });
  committing_ = true;
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

bool HotGate::take(bool gives_up) {
  std::unique_lock lock(mutex_);
  ++waiting_;
  changed_.wait(lock, [&] { return (!committing_ && !stepping_) || (gives_up && lake_wanted_); });
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
