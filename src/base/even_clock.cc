#include "base/even_clock.h"

#include <utility>

namespace weir {
namespace {

/// So far the clocks may be apart because they are not read at the same moment.
constexpr std::chrono::seconds kApartMax{1};

}  // namespace

EvenClock::EvenClock(std::chrono::hours believed_after) : EvenClock(believed_after, Clocks{}) {}

EvenClock::EvenClock(std::chrono::hours believed_after, Clocks clocks)
    : believed_after_(believed_after),
      clocks_(std::move(clocks)),
      seen_at_(clocks_.steady()),
      seen_day_(clocks_.day()) {}

std::chrono::system_clock::time_point EvenClock::now() {
  const std::lock_guard lock(mutex_);
  const auto steady = clocks_.steady();
  const auto day = clocks_.day();
  const auto even = seen_day_ + std::chrono::duration_cast<std::chrono::system_clock::duration>(steady - seen_at_);
  const bool ahead = day > even + kApartMax;
  if (ahead && !ahead_since_) ahead_since_ = steady;
  if (ahead && steady - *ahead_since_ < believed_after_) return even;
  ahead_since_.reset();
  seen_at_ = steady;
  seen_day_ = day;
  return day;
}

}  // namespace weir
