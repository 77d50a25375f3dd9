/// Nulls and the export of finished columns through the Arrow C Data Interface.
#include "batch/column_builder.h"

#include <algorithm>
#include <array>
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

}  // namespace weir::batch
