#include "connectors/postgres/postgres_schema_cache.h"

#include <utility>

namespace weir::postgres {

SchemaCache::SchemaCache(Load load, std::chrono::seconds keep, Now now)
    : load_(std::move(load)), keep_(keep), now_(std::move(now)) {}

Result<IntrospectionPtr> SchemaCache::get(bool refresh) {
  std::unique_lock lock(mutex_);
  const bool fresh = cached_ != nullptr && now_() - cached_at_ < keep_;
  if (fresh && !refresh) return cached_;
  if (loading_ == nullptr) return load(lock);
  const std::shared_ptr<Loading> loading = loading_;
  loaded_.wait(lock, [&] { return loading->outcome.has_value(); });
  return *loading->outcome;
}

/// Reads without the lock, so that `peek` and `forget` never wait for the source.
Result<IntrospectionPtr> SchemaCache::load(std::unique_lock<std::mutex>& lock) {
  const auto loading = std::make_shared<Loading>();
  loading_ = loading;
  lock.unlock();
  auto outcome = load_();
  lock.lock();
  loading->outcome = outcome;
  // After a `forget` another load may run, or none: this one is no longer the cache's.
  if (loading_ == loading) {
    loading_.reset();
    if (outcome) {
      cached_ = *outcome;
      cached_at_ = now_();
    }
  }
  loaded_.notify_all();
  return outcome;
}

IntrospectionPtr SchemaCache::peek() const {
  const std::lock_guard lock(mutex_);
  return cached_;
}

void SchemaCache::forget() {
  const std::lock_guard lock(mutex_);
  cached_.reset();
  loading_.reset();
}

}  // namespace weir::postgres
