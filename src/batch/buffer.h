/// Growable memory that is never initialised and becomes an Arrow buffer without a copy.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <utility>

namespace weir::batch {

/// Bytes from `malloc` (aligned to 16). Moves only. Growth throws std::bad_alloc.
class Buffer {
 public:
  Buffer() = default;
  Buffer(Buffer&& other) noexcept
      : data_(std::move(other.data_)),
        size_(std::exchange(other.size_, 0)),
        capacity_(std::exchange(other.capacity_, 0)),
        expected_(other.expected_) {}
  Buffer& operator=(Buffer&& other) noexcept {
    data_ = std::move(other.data_);
    size_ = std::exchange(other.size_, 0);
    capacity_ = std::exchange(other.capacity_, 0);
    expected_ = other.expected_;
    return *this;
  }

  /// Null as long as nothing was added.
  std::byte* data() { return data_.get(); }
  const std::byte* data() const { return data_.get(); }
  size_t size() const { return size_; }

  /// `count` more bytes at the end, to be filled by the caller. Earlier pointers into the buffer become invalid.
  std::byte* extend(size_t count) {
    if (count > capacity_ - size_) [[unlikely]]
      enlarge(count);
    std::byte* added = data_.get() + size_;
    size_ += count;
    return added;
  }
  template <typename T>
  void push(T value) {
    std::memcpy(extend(sizeof(T)), &value, sizeof(T));
  }

  /// Gives the memory away and starts anew; the next growth begins with as much as was in use now, because batches of
  /// one stream resemble each other. A single huge value is no such habit.
  Buffer take() {
    constexpr size_t kExpectedMax = 4u << 20;
    expected_ = std::min(size_, kExpectedMax);
    return std::move(*this);
  }

 private:
  struct Free {
    void operator()(std::byte* data) const { std::free(data); }
  };

  void enlarge(size_t count);

  std::unique_ptr<std::byte, Free> data_;
  size_t size_ = 0;
  size_t capacity_ = 0;
  size_t expected_ = 0;
};

}  // namespace weir::batch
