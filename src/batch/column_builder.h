/// One column under construction: values are appended one by one and leave as an Arrow array without a copy.
#pragma once

#include <cassert>
#include <cstdint>
#include <memory>
#include <vector>

#include <arrow/c/abi.h>

#include "batch/arrow_owners.h"
#include "batch/buffer.h"

namespace weir::batch {

/// Appending is inline and branches on nothing but an existing null bitmap, so the caller must use the append that fits
/// the layout (checked in debug builds only). Growth throws std::bad_alloc. One thread at a time.
class ColumnBuilder {
 public:
  /// How Arrow lays the values out. `bytes`: utf8 and binary with 32-bit offsets.
  enum class Layout : uint8_t { bits, fixed, bytes, list };

  static ColumnBuilder bits() { return ColumnBuilder(Layout::bits, 0); }
  /// Values of `width` bytes: integers, floats, dates, decimals, fixed-size binary.
  static ColumnBuilder fixed(size_t width) { return ColumnBuilder(Layout::fixed, width); }
  static ColumnBuilder bytes() { return ColumnBuilder(Layout::bytes, 0); }
  static ColumnBuilder list(ColumnBuilder child);

  int64_t length() const { return length_; }
  int64_t null_count() const { return null_count_; }

  void append_null();
  template <typename T>
  void append(T value) {
    assert(layout_ == Layout::fixed && width_ == sizeof(T));
    values_.push(value);
    mark_valid();
  }
  /// One value of a fixed layout, to be filled by the caller before the next append.
  std::byte* append_unfilled() {
    assert(layout_ == Layout::fixed);
    std::byte* value = values_.extend(width_);
    mark_valid();
    return value;
  }
  /// Copies `width` bytes of a fixed layout.
  void append_fixed(const void* value) { std::memcpy(append_unfilled(), value, width_); }
  void append_bit(bool value) {
    assert(layout_ == Layout::bits);
    push_bit(values_, value);
    mark_valid();
  }
  /// The bytes of one column must stay below 2 GiB: finish in time.
  void append_bytes(const char* data, size_t size) {
    assert(layout_ == Layout::bytes && values_.size() + size <= INT32_MAX);
    if (size != 0) std::memcpy(values_.extend(size), data, size);
    offsets_.push(static_cast<int32_t>(values_.size()));
    mark_valid();
  }
  /// The elements of a list: append them here, then call `end_list`.
  ColumnBuilder& child() { return *child_; }
  /// Everything that was added to `child` since the last list is one list.
  void end_list() {
    assert(layout_ == Layout::list);
    offsets_.push(static_cast<int32_t>(child_->length()));
    mark_valid();
  }

  /// Appends the value (or NULL) of a row of `other`, which has the same layout and may be this one.
  void append_from(const ColumnBuilder& other, int64_t row);

  /// The column so far; the builder is empty then and can be used again.
  OwnedArray finish();

 private:
  ColumnBuilder(Layout layout, size_t width);

  void push_bit(Buffer& bits, bool value) {
    if (length_ % 8 == 0) bits.push(uint8_t{0});
    bits.data()[length_ / 8] |= std::byte(static_cast<uint8_t>(value) << (length_ % 8));
  }
  void mark_valid() {
    if (null_count_ > 0) push_bit(validity_, true);
    length_++;
  }
  void begin();
  void begin_validity();
  bool bit_at(const Buffer& bits, int64_t row) const {
    return (static_cast<uint8_t>(bits.data()[row / 8]) >> (row % 8) & 1) != 0;
  }
  int32_t offset_at(int64_t row) const;

  Layout layout_;
  size_t width_;
  int64_t length_ = 0;
  int64_t null_count_ = 0;
  Buffer validity_;  ///< empty until the first null
  Buffer offsets_;
  Buffer values_;
  std::unique_ptr<ColumnBuilder> child_;
};

/// A struct array over `children`, which all have `length` rows; `length` counts even without children.
OwnedArray make_struct(std::vector<OwnedArray> children, int64_t length);
/// The same with NULLs: a row is NULL where `valid` is false.
OwnedArray make_struct(std::vector<OwnedArray> children, const std::vector<bool>& valid);

}  // namespace weir::batch
