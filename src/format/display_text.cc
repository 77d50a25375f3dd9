/// Widths and escapes by utf8proc.
#include "format/display_text.h"

#include <algorithm>
#include <cstdint>

#include <utf8proc.h>

namespace weir::format {
namespace {

/// One code point of a text. `code` is negative for a byte that is no UTF-8.
struct CodePoint {
  utf8proc_int32_t code;
  size_t length;
};

CodePoint first_of(std::string_view text) {
  utf8proc_int32_t code = -1;
  const auto* bytes = reinterpret_cast<const utf8proc_uint8_t*>(text.data());
  const auto length = utf8proc_iterate(bytes, static_cast<utf8proc_ssize_t>(text.size()), &code);
  return length > 0 ? CodePoint{code, static_cast<size_t>(length)} : CodePoint{-1, 1};
}

bool is_plain_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7F; });
}

bool is_dangerous(utf8proc_int32_t code) {
  const bool control = code < 0x20 || (code >= 0x7F && code < 0xA0);
  const bool separator = code == 0x2028 || code == 0x2029;
  const bool direction = (code >= 0x202A && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069);
  return control || separator || direction;
}

void append_escape(CodePoint point, uint8_t byte, std::string& out) {
  static constexpr char digits[] = "0123456789abcdef";
  if (point.code == '\n') {
    out += "\\n";
  } else if (point.code == '\r') {
    out += "\\r";
  } else if (point.code == '\t') {
    out += "\\t";
  } else if (point.code < 0) {
    out += {'\\', 'x', digits[byte >> 4], digits[byte & 15]};
  } else {
    out += "\\u";
    for (int shift = 12; shift >= 0; shift -= 4) out += digits[(point.code >> shift) & 15];
  }
}

size_t width_of(utf8proc_int32_t code) { return static_cast<size_t>(std::max(0, utf8proc_charwidth(code))); }

}  // namespace

std::string displayable(std::string_view text, bool keep_lines) {
  if (is_plain_ascii(text)) return std::string(text);
  std::string out;
  out.reserve(text.size() + 8);
  while (!text.empty()) {
    const CodePoint point = first_of(text);
    if (point.code >= 0 && (!is_dangerous(point.code) || (keep_lines && point.code == '\n'))) {
      out += text.substr(0, point.length);
    } else {
      append_escape(point, static_cast<uint8_t>(text.front()), out);
    }
    text.remove_prefix(point.length);
  }
  return out;
}

size_t display_width(std::string_view text) {
  if (is_plain_ascii(text)) return text.size();
  size_t width = 0;
  while (!text.empty()) {
    const CodePoint point = first_of(text);
    width += width_of(point.code);
    text.remove_prefix(point.length);
  }
  return width;
}

std::string truncated(std::string_view text, size_t width) {
  if (display_width(text) <= width) return std::string(text);
  size_t used = 0, end = 0;
  while (end < text.size()) {
    const CodePoint point = first_of(text.substr(end));
    if (used + width_of(point.code) + 1 > width) break;
    used += width_of(point.code);
    end += point.length;
  }
  return std::string(text.substr(0, end)) + "…";
}

}  // namespace weir::format
