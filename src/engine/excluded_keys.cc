#include "engine/excluded_keys.h"

#include <algorithm>
#include <bit>

namespace weir::engine {
namespace {

/// Keys are mapped when they span no more than this: 8 MiB.
constexpr uint64_t kMappedSpanMax = uint64_t{1} << 26;
/// Of the filter: with three bits a key about one of 150 others passes.
constexpr size_t kKeysPerWord = 8;
/// The lower 18 bits of a hash choose the bits of a word, the upper ones the word.
constexpr int kFilterLogMax = 64 - 18;

template <typename Contains>
size_t keep_others(size_t count, uint32_t* kept, const Contains& contains) {
  size_t found = 0;
  for (size_t i = 0; i < count; ++i) {
    kept[found] = static_cast<uint32_t>(i);
    found += static_cast<size_t>(!contains(i));
  }
  return found;
}

}  // namespace

ExcludedKeys::ExcludedKeys(std::span<const ExcludedKey> keys) {
  if (!keys.empty() && !map(keys)) hash(keys);
}

bool ExcludedKeys::map(std::span<const ExcludedKey> keys) {
  if (std::ranges::any_of(keys, [](const ExcludedKey& key) { return key.high != 0; })) return false;
  const auto integer = [](const ExcludedKey& key) { return static_cast<int64_t>(key.low); };
  const auto [least, most] = std::ranges::minmax(keys, {}, integer);
  const uint64_t span = most.low - least.low;
  if (span >= kMappedSpanMax) return false;
  first_ = least.low;
  bits_.resize(span / 64 + 1);
  for (const auto& key : keys) bits_[(key.low - first_) / 64] |= uint64_t{1} << ((key.low - first_) % 64);
  return true;
}

void ExcludedKeys::hash(std::span<const ExcludedKey> keys) {
  const auto filter_log = std::clamp(static_cast<int>(std::bit_width(keys.size() / kKeysPerWord)), 1, kFilterLogMax);
  filter_.resize(size_t{1} << filter_log);
  filter_shift_ = 64 - filter_log;
  slots_.resize(std::bit_ceil(keys.size() + keys.size() / 2));
  taken_.resize(slots_.size());
  for (const auto& key : keys) {
    const uint64_t hash = hash_of(key);
    filter_[hash >> filter_shift_] |= filter_bits(hash);
    size_t slot = hash & (slots_.size() - 1);
    while (taken_[slot] && slots_[slot] != key) slot = (slot + 1) & (slots_.size() - 1);
    slots_[slot] = key;
    taken_[slot] = true;
  }
}

bool ExcludedKeys::find(const ExcludedKey& key, uint64_t hash) const {
  for (size_t slot = hash & (slots_.size() - 1); taken_[slot]; slot = (slot + 1) & (slots_.size() - 1)) {
    if (slots_[slot] == key) return true;
  }
  return false;
}

size_t ExcludedKeys::keep(std::span<const uint64_t> low, std::span<const uint64_t> high, uint32_t* kept) const {
  if (high.empty() && !bits_.empty()) {
    return keep_others(low.size(), kept, [&](size_t i) { return contains_near(low[i]); });
  }
  if (high.empty()) return keep_others(low.size(), kept, [&](size_t i) { return contains_hashed({low[i], 0}); });
  return keep_others(low.size(), kept, [&](size_t i) { return contains({low[i], high[i]}); });
}

}  // namespace weir::engine
