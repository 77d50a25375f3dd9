/// Names and the epoch of the hot database.
#include "lake/hot.h"

#include <utility>

namespace weir::lake {

std::string copy_schema(std::string_view connector, std::string_view schema) {
  return std::string(connector) + "." + std::string(schema);
}

std::string_view copy_connector(std::string_view lake_schema) {
  const auto dot = lake_schema.find('.');
  return dot == std::string_view::npos ? std::string_view() : lake_schema.substr(0, dot);
}

uint64_t FoldEpoch::now() const {
  const std::lock_guard lock(mutex_);
  return switches_;
}

bool FoldEpoch::still(uint64_t seen) const {
  const std::lock_guard lock(mutex_);
  return switches_ == seen && seen % 2 == 0;
}

bool FoldEpoch::settles(std::chrono::milliseconds limit) const {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, limit, [this] { return switches_ % 2 == 0; });
}

FoldEpoch::Switch::Switch(FoldEpoch& epoch) : epoch_(epoch) {
  std::unique_lock lock(epoch_.mutex_);
  epoch_.changed_.wait(lock, [&] { return epoch_.switches_ % 2 == 0; });
  ++epoch_.switches_;
}

FoldEpoch::Switch::~Switch() {
  const std::lock_guard lock(epoch_.mutex_);
  ++epoch_.switches_;
  epoch_.changed_.notify_all();
}

}  // namespace weir::lake
