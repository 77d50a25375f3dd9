/// A set of keys that is asked about millions of rows, nearly none of which are in it.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace weir::engine {

/// A key of at most 16 bytes: one or two integers, or a UUID. One integer is `low` alone, with its sign.
struct ExcludedKey {
  uint64_t low = 0, high = 0;
  bool operator==(const ExcludedKey&) const = default;
};

/// Integers that lie close together are bits of a map, which keys in their order read one after the other. For other
/// keys a Bloom filter stands in front of a hash table with open addressing. Immutable, so any thread may ask.
class ExcludedKeys {
 public:
  ExcludedKeys() = default;
  /// Memory: at most 70 bytes a key, or 8 MiB. A key may be there more than once.
  explicit ExcludedKeys(std::span<const ExcludedKey> keys);

  bool empty() const { return slots_.empty() && bits_.empty(); }
  bool contains(const ExcludedKey& key) const {
    return bits_.empty() ? contains_hashed(key) : key.high == 0 && contains_near(key.low);
  }
  /// Writes the positions of the keys that are not in the set to `kept`, which has room for all; answers how many. Keys
  /// come as their halves; `high` is empty for those of one integer.
  size_t keep(std::span<const uint64_t> low, std::span<const uint64_t> high, uint32_t* kept) const;

 private:
  bool map(std::span<const ExcludedKey> keys);
  void hash(std::span<const ExcludedKey> keys);
  bool contains_near(uint64_t integer) const {
    const uint64_t offset = integer - first_;
    return offset < 64 * bits_.size() && (bits_[offset / 64] >> (offset % 64) & 1) != 0;
  }
  bool contains_hashed(const ExcludedKey& key) const {
    const uint64_t hash = hash_of(key), bits = filter_bits(hash);
    return (filter_[hash >> filter_shift_] & bits) == bits && find(key, hash);
  }
  static uint64_t hash_of(const ExcludedKey& key);
  static uint64_t filter_bits(uint64_t hash);
  bool find(const ExcludedKey& key, uint64_t hash) const;

  uint64_t first_ = 0;
  std::vector<uint64_t> bits_;  ///< of the keys from `first_` on; empty: they are hashed

  std::vector<uint64_t> filter_;  ///< a hash's upper bits choose the word, its lower bits three bits of it
  int filter_shift_ = 0;
  std::vector<ExcludedKey> slots_;
  std::vector<bool> taken_;
};

inline uint64_t ExcludedKeys::hash_of(const ExcludedKey& key) {
  // The finalizer of MurmurHash3, over both halves.
  uint64_t hash = key.low ^ (key.high * 0x9e3779b97f4a7c15);
  hash ^= hash >> 33;
  hash *= 0xff51afd7ed558ccd;
  hash ^= hash >> 33;
  hash *= 0xc4ceb9fe1a85ec53;
  return hash ^ (hash >> 33);
}

inline uint64_t ExcludedKeys::filter_bits(uint64_t hash) {
  return uint64_t{1} << (hash & 63) | uint64_t{1} << (hash >> 6 & 63) | uint64_t{1} << (hash >> 12 & 63);
}

}  // namespace weir::engine
