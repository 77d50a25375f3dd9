#include "engine/wakeup.h"

namespace weir::engine {

void Wakeup::attach(duckdb::Pipeline& pipeline) {
  const std::lock_guard lock(mutex_);
  pipeline_ = pipeline.shared_from_this();
}

void Wakeup::detach() {
  const std::lock_guard lock(mutex_);
  state_ = nullptr;
}

void Wakeup::notify() {
  // Waking a task of a cancelled query can drop the last reference to its pipeline, which owns the state whose list is
  // being walked: hold the pipeline until the walk is over and `mutex_` is free for `detach`.
  duckdb::shared_ptr<duckdb::Pipeline> pipeline;
  const std::lock_guard lock(mutex_);
  if (state_ == nullptr) return;
  pipeline = pipeline_.lock();
  const auto guard = state_->Lock();
  signals_.fetch_add(1, std::memory_order_release);
  if (pipeline) state_->UnblockTasks(guard);
}

}  // namespace weir::engine
