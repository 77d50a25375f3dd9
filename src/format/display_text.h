/// Text as it may be shown in a terminal.
#pragma once

#include <string>
#include <string_view>

namespace weir::format {

/// `text` (UTF-8) with everything escaped that could move the cursor, recolour or reorder the line: control characters
/// as
/// \n, \t, \u001b, line separators and bidirectional overrides as \u202e, bytes that are no UTF-8 as \xff. With
/// `keep_lines`, line feeds stay.
std::string displayable(std::string_view text, bool keep_lines = false);
/// How many terminal cells displayable text takes.
size_t display_width(std::string_view text);
/// The longest beginning of displayable text that fits into `width` cells together with a final "…"; the whole text
/// when it fits without.
std::string truncated(std::string_view text, size_t width);

}  // namespace weir::format
