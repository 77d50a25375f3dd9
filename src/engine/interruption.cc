/// Stopping one query.
#include "engine/interruption.h"

namespace weir::engine {

void Interruption::stop(Error reason) {
  std::unique_lock lock(mutex_);
  if (reason_ || !client_) return;
  reason_ = std::move(reason);
  source_.request_stop();
  client_->Interrupt();
  auto query = query_;
  lock.unlock();
  query->cancel();
}

std::optional<Error> Interruption::reason() const {
  const std::lock_guard lock(mutex_);
  return reason_;
}

void Interruption::release() {
  const std::lock_guard lock(mutex_);
  client_.reset();
  query_.reset();
}

}  // namespace weir::engine
