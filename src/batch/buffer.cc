/// How a buffer grows.
#include "batch/buffer.h"

#include <algorithm>
#include <new>

namespace weir::batch {

void Buffer::enlarge(size_t count) {
  constexpr size_t kCapacityMin = 64;
  size_t capacity = std::max({size_ + count, 2 * capacity_, expected_, kCapacityMin});
  void* grown = std::realloc(data_.get(), capacity);
  if (grown == nullptr) throw std::bad_alloc();
  static_cast<void>(data_.release());  // realloc has freed or moved it
  data_.reset(static_cast<std::byte*>(grown));
  capacity_ = capacity;
}

}  // namespace weir::batch
