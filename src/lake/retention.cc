#include "lake/retention.h"

namespace weir::lake {
namespace {

using std::chrono::steady_clock;

constexpr std::chrono::minutes kEvery{10};

}  // namespace

Retention::Wish::Wish(Retention& retention, std::chrono::hours kept) : retention_(retention), kept_(kept) {
  const std::lock_guard lock(retention_.mutex_);
  retention_.wishes_.insert(kept_);
}

Retention::Wish::~Wish() {
  const std::lock_guard lock(retention_.mutex_);
  retention_.wishes_.extract(kept_);
}

std::optional<std::chrono::hours> Retention::longest() const {
  const std::lock_guard lock(mutex_);
  if (wishes_.empty() || wishes_.begin()->count() == 0) return {};
  return *wishes_.rbegin();
}

bool Retention::is_due() {
  const std::lock_guard lock(mutex_);
  const auto now = steady_clock::now();
  if (done_at_ && now - *done_at_ < kEvery) return false;
  done_at_ = now;
  return true;
}

}  // namespace weir::lake
