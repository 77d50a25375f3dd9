/// Which row of a batch was the last one of a key.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weir::postgres {

/// A hash table from keys, as bytes, to row numbers. Grows only; made for one batch. Growth throws std::bad_alloc.
class KeyIndex {
 public:
  static constexpr int64_t kNone = -1;

  KeyIndex() : slots_(kSlotsFirst) {}

  /// The row of `key`, or kNone.
  int64_t find(std::string_view key) const {
    const Slot& slot = slots_[place(key, hash_of(key))];
    return slot.entry == kEmpty ? kNone : entries_[slot.entry].row;
  }

  /// Sets the row of `key`, and returns the one that it had, or kNone.
  int64_t put(std::string_view key, int64_t row) {
    const uint64_t hash = hash_of(key);
    Slot& slot = slots_[place(key, hash)];
    if (slot.entry != kEmpty) return std::exchange(entries_[slot.entry].row, row);
    slot = {static_cast<uint32_t>(hash), static_cast<uint32_t>(entries_.size())};
    entries_.push_back({hash, bytes_.size(), static_cast<uint32_t>(key.size()), row});
    bytes_ += key;
    if (2 * entries_.size() > slots_.size()) grow();
    return kNone;
  }

 private:
  static constexpr size_t kSlotsFirst = 64;
  static constexpr uint32_t kEmpty = UINT32_MAX;
  struct Slot {
    uint32_t hash = 0;
    uint32_t entry = kEmpty;
  };
  struct Entry {
    uint64_t hash;
    size_t at;
    uint32_t size;
    int64_t row;
  };

  static uint64_t hash_of(std::string_view key) { return std::hash<std::string_view>()(key); }

  /// Where `key` is, or would be.
  size_t place(std::string_view key, uint64_t hash) const {
    const size_t mask = slots_.size() - 1;
    for (size_t at = hash & mask;; at = (at + 1) & mask) {
      const Slot& slot = slots_[at];
      if (slot.entry == kEmpty) return at;
      if (slot.hash == static_cast<uint32_t>(hash) && key_of(entries_[slot.entry]) == key) return at;
    }
  }
  std::string_view key_of(const Entry& entry) const { return std::string_view(bytes_).substr(entry.at, entry.size); }

  void grow() {
    std::vector<Slot> old(2 * slots_.size());
    old.swap(slots_);
    const size_t mask = slots_.size() - 1;
    for (const Slot& slot : old) {
      if (slot.entry == kEmpty) continue;
      size_t at = entries_[slot.entry].hash & mask;
      while (slots_[at].entry != kEmpty) at = (at + 1) & mask;
      slots_[at] = slot;
    }
  }

  std::vector<Slot> slots_;  // a power of two of them, half of them empty at least
  std::vector<Entry> entries_;
  std::string bytes_;  // of all keys
};

}  // namespace weir::postgres
