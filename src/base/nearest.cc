/// Restricted Damerau-Levenshtein distance over bytes, cut off where it cannot win any more.
#include "base/nearest.h"

#include <algorithm>
#include <cctype>
#include <vector>

namespace weir {
namespace {

// Longer names are not typed by hand, and the distance costs their product.
constexpr size_t kLengthMax = 256;

char folded(char letter) { return static_cast<char>(std::tolower(static_cast<unsigned char>(letter))); }

size_t edit_distance(std::string_view left, std::string_view right) {
  std::vector<size_t> before_last(right.size() + 1), last(right.size() + 1), row(right.size() + 1);
  for (size_t j = 0; j <= right.size(); j++) last[j] = j;
  for (size_t i = 1; i <= left.size(); i++) {
    row[0] = i;
    for (size_t j = 1; j <= right.size(); j++) {
      const bool same = folded(left[i - 1]) == folded(right[j - 1]);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (same ? 0 : 1)});
      const bool swapped =
          i > 1 && j > 1 && folded(left[i - 1]) == folded(right[j - 2]) && folded(left[i - 2]) == folded(right[j - 1]);
      if (swapped) row[j] = std::min(row[j], before_last[j - 2] + 1);
    }
    std::swap(before_last, last);
    std::swap(last, row);
  }
  return last[right.size()];
}

size_t allowed_distance(std::string_view left, std::string_view right) {
  return std::max<size_t>(1, std::max(left.size(), right.size()) / 3);
}

}  // namespace

std::optional<std::string> nearest(std::string_view wanted, std::span<const std::string> known) {
  if (wanted.empty() || wanted.size() > kLengthMax) return std::nullopt;
  const std::string* best = nullptr;
  size_t best_distance = 0;
  for (const std::string& name : known) {
    const size_t allowed = allowed_distance(wanted, name);
    const size_t gap = name.size() > wanted.size() ? name.size() - wanted.size() : wanted.size() - name.size();
    if (name.size() > kLengthMax || gap > allowed) continue;
    const size_t distance = edit_distance(wanted, name);
    // A name of which no letter is left was not meant.
    if (distance > allowed || distance >= std::max(wanted.size(), name.size())) continue;
    if (best == nullptr || distance < best_distance) {
      best = &name;
      best_distance = distance;
    }
  }
  if (best == nullptr) return std::nullopt;
  return *best;
}

std::string did_you_mean(std::string_view wanted, std::span<const std::string> known) {
  const auto name = nearest(wanted, known);
  return name ? "did you mean '" + *name + "'?" : std::string();
}

}  // namespace weir
