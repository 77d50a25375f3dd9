/// The known name that a mistyped one most likely meant: "did you mean public.users?".
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace weir {

/// The name of `known` with the smallest edit distance to `wanted` (letter case ignored; two neighbouring letters
/// swapped count as one edit), or nothing when none is near: at most one third of the longer name may differ, and at
/// least one edit is always forgiven. Among equals the first wins.
std::optional<std::string> nearest(std::string_view wanted, std::span<const std::string> known);

/// "did you mean 'pool_size'?" for a hint, or an empty text when nothing is near.
std::string did_you_mean(std::string_view wanted, std::span<const std::string> known);

}  // namespace weir
