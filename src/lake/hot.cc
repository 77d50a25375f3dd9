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

uint64_t FoldEpoch::settled() const {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return !switching_; });
  return switches_;
}

bool FoldEpoch::still(uint64_t seen) const {
  const std::lock_guard lock(mutex_);
  return !switching_ && switches_ == seen;
}

FoldEpoch::Switch::Switch(FoldEpoch& epoch) : epoch_(epoch) {
  std::unique_lock lock(epoch_.mutex_);
  epoch_.changed_.wait(lock, [&] { return !epoch_.switching_; });
  epoch_.switching_ = true;
}

FoldEpoch::Switch::~Switch() {
  const std::lock_guard lock(epoch_.mutex_);
  epoch_.switching_ = false;
  ++epoch_.switches_;
  epoch_.changed_.notify_all();
}

}  // namespace weir::lake
