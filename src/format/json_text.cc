/// JSON escaping.
#include "format/json_text.h"

#include <array>
#include <cstdint>

#include <nlohmann/json.hpp>

namespace weir::format {
namespace {

/// What follows the backslash for each byte: 0 for none, 'u' for \u00XX.
constexpr std::array<char, 256> kEscapes = [] {
  std::array<char, 256> escapes{};
  for (size_t byte = 0; byte < 0x20; byte++) escapes[byte] = 'u';
  escapes['"'] = '"';
  escapes['\\'] = '\\';
  escapes['\b'] = 'b';
  escapes['\f'] = 'f';
  escapes['\n'] = 'n';
  escapes['\r'] = 'r';
  escapes['\t'] = 't';
  return escapes;
}();

void append_without_whitespace(std::string_view document, std::string& out) {
  bool in_string = false;
  for (size_t i = 0; i < document.size(); i++) {
    const char c = document[i];
    if (in_string && c == '\\') {
      out += c;
      out += document[++i];
      continue;
    }
    if (c == '"') in_string = !in_string;
    if (in_string || (c != ' ' && c != '\n' && c != '\t' && c != '\r')) out += c;
  }
}

}  // namespace

void append_json_string(std::string_view text, std::string& out) {
  out += '"';
  size_t clean = 0;
  for (size_t i = 0; i < text.size(); i++) {
    const auto byte = static_cast<uint8_t>(text[i]);
    const char escape = kEscapes[byte];
    if (escape == 0) continue;
    out.append(text, clean, i - clean);
    clean = i + 1;
    out += '\\';
    out += escape;
    if (escape == 'u') {
      out += "00";
      out += static_cast<char>('0' + (byte >> 4));
      out += "0123456789abcdef"[byte & 15];
    }
  }
  out.append(text, clean, std::string_view::npos);
  out += '"';
}

void append_json_document(std::string_view document, std::string& out) {
  if (!nlohmann::json::accept(document)) return append_json_string(document, out);
  append_without_whitespace(document, out);
}

}  // namespace weir::format
