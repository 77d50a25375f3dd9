/// RAII owners of the Arrow C Data Interface, which is the seam between our folders: batches travel as `ArrowArray`.
#pragma once

#include <utility>

#include <arrow/c/abi.h>

namespace weir::batch {

/// Owns one C Data Interface struct and releases it; moves only.
template <typename T>
class ArrowOwner {
 public:
  ArrowOwner() = default;
  /// Takes what `raw` holds and marks `raw` as released.
  explicit ArrowOwner(T& raw) : raw_(std::exchange(raw, T{})) {}
  ArrowOwner(ArrowOwner&& other) noexcept : raw_(std::exchange(other.raw_, T{})) {}
  ArrowOwner& operator=(ArrowOwner&& other) noexcept {
    if (this != &other) {
      reset();
      raw_ = std::exchange(other.raw_, T{});
    }
    return *this;
  }
  ArrowOwner(const ArrowOwner&) = delete;
  ArrowOwner& operator=(const ArrowOwner&) = delete;
  ~ArrowOwner() { reset(); }

  /// The struct to be read, or to be filled by a producer (call `reset()` before filling one that is in use).
  T* get() { return &raw_; }
  const T* get() const { return &raw_; }
  T* operator->() { return &raw_; }
  const T* operator->() const { return &raw_; }
  /// False when empty or moved from.
  explicit operator bool() const { return raw_.release != nullptr; }
  /// Gives the struct away; the receiver must release it.
  T release() { return std::exchange(raw_, T{}); }
  void reset() {
    if (raw_.release != nullptr) raw_.release(&raw_);
    raw_ = T{};
  }

 private:
  T raw_{};
};

using OwnedSchema = ArrowOwner<ArrowSchema>;
using OwnedArray = ArrowOwner<ArrowArray>;
using OwnedStream = ArrowOwner<ArrowArrayStream>;

}  // namespace weir::batch
