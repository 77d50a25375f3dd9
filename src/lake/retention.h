/// How long snapshots of the lake are kept: it has one history, whoever writes to it.
#pragma once

#include <chrono>
#include <mutex>
#include <optional>
#include <set>

namespace weir::lake {

/// Thread-safe.
class Retention {
 public:
  /// Somebody who wants snapshots to be kept for so long (zero: for ever), as long as this lives.
  class Wish {
   public:
    Wish(Retention& retention, std::chrono::hours kept);
    ~Wish();
    Wish(const Wish&) = delete;
    Wish& operator=(const Wish&) = delete;

   private:
    Retention& retention_;
    const std::chrono::hours kept_;
  };

  /// The longest wish; nothing: for ever, also when nobody wishes anything.
  std::optional<std::chrono::hours> longest() const;
  /// Whether it is time again to expire and to clean up, which one caller does for all: true once in ten minutes.
  bool is_due();

 private:
  mutable std::mutex mutex_;
  std::multiset<std::chrono::hours> wishes_;
  std::optional<std::chrono::steady_clock::time_point> done_at_;
};

}  // namespace weir::lake
