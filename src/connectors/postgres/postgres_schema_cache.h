/// The cached introspection of a connector: read once for many threads, dropped when it is old or proved wrong.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>

#include "base/result.h"
#include "connectors/postgres/postgres_introspection.h"

namespace weir::postgres {

/// Thread-safe.
class SchemaCache {
 public:
  using Load = std::function<Result<IntrospectionPtr>()>;
  using Now = std::function<std::chrono::steady_clock::time_point()>;

  SchemaCache(Load load, std::chrono::seconds keep, Now now = std::chrono::steady_clock::now);

  /// The cached schema, or one read now. Threads that ask meanwhile share the one that is being read, and its error.
  Result<IntrospectionPtr> get(bool refresh);
  /// What is cached, however old; empty when there is none.
  IntrospectionPtr peek() const;
  /// The next `get` reads anew; one that is being read now is given to nobody who asks later.
  void forget();

 private:
  struct Loading {
    std::optional<Result<IntrospectionPtr>> outcome;
  };

  Result<IntrospectionPtr> load(std::unique_lock<std::mutex>& lock);

  const Load load_;
  const std::chrono::seconds keep_;
  const Now now_;
  mutable std::mutex mutex_;
  std::condition_variable loaded_;
  IntrospectionPtr cached_;
  std::chrono::steady_clock::time_point cached_at_;
  std::shared_ptr<Loading> loading_;  // empty: nobody reads
};

}  // namespace weir::postgres
