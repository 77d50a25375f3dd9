/// Nulls and the export of finished columns through the Arrow C Data Interface.
#include "batch/column_builder.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

namespace weir::batch {
namespace {

/// What an exported array owns. Lives until the consumer releases the array.
struct Exported {
  std::array<Buffer, 3> memory;
  std::array<const void*, 3> buffers{};
  std::vector<OwnedArray> children;
  std::vector<ArrowArray*> child_pointers;
};

void release(ArrowArray* array) {
  // The owners of the children release them, unless the consumer has moved them out.
  delete static_cast<Exported*>(array->private_data);
  array->release = nullptr;
}

OwnedArray publish(std::unique_ptr<Exported> exported, int64_t length, int64_t null_count, int64_t buffer_count) {
  for (OwnedArray& child : exported->children) exported->child_pointers.push_back(child.get());
  OwnedArray out;
  out->length = length;
  out->null_count = null_count;
  out->n_buffers = buffer_count;
  out->buffers = exported->buffers.data();
  out->n_children = static_cast<int64_t>(exported->children.size());
  out->children = exported->children.empty() ? nullptr : exported->child_pointers.data();
  out->release = release;
  out->private_data = exported.release();
  return out;
}

}  // namespace

ColumnBuilder::ColumnBuilder(Layout layout, size_t width) : layout_(layout), width_(width) { begin(); }

ColumnBuilder ColumnBuilder::list(ColumnBuilder child) {
  ColumnBuilder builder(Layout::list, 0);
  builder.child_ = std::make_unique<ColumnBuilder>(std::move(child));
  return builder;
}

void ColumnBuilder::begin() {
  length_ = 0;
  null_count_ = 0;
  if (layout_ == Layout::bytes || layout_ == Layout::list) offsets_.push(int32_t{0});
}

void ColumnBuilder::begin_validity() {
  auto whole_bytes = static_cast<size_t>(length_ / 8);
  if (whole_bytes != 0) std::memset(validity_.extend(whole_bytes), 0xff, whole_bytes);
  if (length_ % 8 != 0) validity_.push(static_cast<uint8_t>((1u << (length_ % 8)) - 1));
}

void ColumnBuilder::append_null() {
  if (null_count_ == 0) begin_validity();
  push_bit(validity_, false);
  switch (layout_) {
    case Layout::bits:
      push_bit(values_, false);
      break;
    case Layout::fixed:
      std::memset(values_.extend(width_), 0, width_);
      break;
    case Layout::bytes:
      offsets_.push(static_cast<int32_t>(values_.size()));
      break;
    case Layout::list:
      offsets_.push(static_cast<int32_t>(child_->length()));
      break;
  }
  null_count_++;
  length_++;
}

int32_t ColumnBuilder::offset_at(int64_t row) const {
  int32_t offset = 0;
  std::memcpy(&offset, offsets_.data() + row * static_cast<int64_t>(sizeof offset), sizeof offset);
  return offset;
}

void ColumnBuilder::append_from(const ColumnBuilder& other, int64_t row) {
  assert(row < other.length_ && layout_ == other.layout_ && width_ == other.width_);
  if (other.null_count_ > 0 && !other.bit_at(other.validity_, row)) {
    append_null();
    return;
  }
  // Growth may move the values of `other`, when it is this one: they are looked up afterwards.
  switch (layout_) {
    case Layout::bits:
      append_bit(other.bit_at(other.values_, row));
      break;
    case Layout::fixed: {
      std::byte* value = append_unfilled();
      std::memcpy(value, other.values_.data() + static_cast<size_t>(row) * width_, width_);
      break;
    }
    case Layout::bytes: {
      const auto from = static_cast<size_t>(other.offset_at(row));
      const size_t size = static_cast<size_t>(other.offset_at(row + 1)) - from;
      std::byte* value = values_.extend(size);
      if (size != 0) std::memcpy(value, other.values_.data() + from, size);
      offsets_.push(static_cast<int32_t>(values_.size()));
      mark_valid();
      break;
    }
    case Layout::list: {
      const int32_t end = other.offset_at(row + 1);
      for (int32_t i = other.offset_at(row); i < end; i++) child_->append_from(*other.child_, i);
      end_list();
      break;
    }
  }
}

OwnedArray ColumnBuilder::finish() {
  auto exported = std::make_unique<Exported>();
  exported->memory = {validity_.take(), {}, {}};
  int64_t buffer_count = 1;
  if (layout_ == Layout::bytes || layout_ == Layout::list) exported->memory[buffer_count++] = offsets_.take();
  if (layout_ != Layout::list) exported->memory[buffer_count++] = values_.take();
  for (size_t i = 0; i < exported->memory.size(); i++) exported->buffers[i] = exported->memory[i].data();
  if (child_) exported->children.push_back(child_->finish());
  OwnedArray out = publish(std::move(exported), length_, null_count_, buffer_count);
  begin();
  return out;
}

OwnedArray make_struct(std::vector<OwnedArray> children, int64_t length) {
  auto exported = std::make_unique<Exported>();
  exported->children = std::move(children);
  return publish(std::move(exported), length, 0, 1);
}

OwnedArray make_struct(std::vector<OwnedArray> children, const std::vector<bool>& valid) {
  const auto length = static_cast<int64_t>(valid.size());
  const int64_t null_count = std::count(valid.begin(), valid.end(), false);
  if (null_count == 0) return make_struct(std::move(children), length);
  auto exported = std::make_unique<Exported>();
  exported->children = std::move(children);
  Buffer& validity = exported->memory[0];
  std::memset(validity.extend((valid.size() + 7) / 8), 0, (valid.size() + 7) / 8);
  for (size_t row = 0; row < valid.size(); row++) {
    if (valid[row]) validity.data()[row / 8] |= std::byte(static_cast<uint8_t>(1u << (row % 8)));
  }
  exported->buffers[0] = validity.data();
  return publish(std::move(exported), length, null_count, 1);
}

}  // namespace weir::batch
