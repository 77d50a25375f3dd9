#include "connectors/postgres/castable_text.h"

#include <cctype>

namespace weir::postgres {
namespace {

using plan::Kind;

std::string castable_bytes(std::string_view text) {
  if (!text.starts_with("\\x")) return std::string(text);
  std::string out;
  for (size_t i = 2; i + 1 < text.size(); i += 2) {
    out += "\\x";
    for (const char digit : text.substr(i, 2))
      out += static_cast<char>(std::toupper(static_cast<unsigned char>(digit)));
  }
  return out;
}

std::string castable_time(std::string_view text) {
  constexpr std::string_view kBefore = " BC";
  if (!text.ends_with(kBefore)) return std::string(text);
  text.remove_suffix(kBefore.size());
  const size_t space = text.find(' ');
  std::string out(text.substr(0, space));
  out += " (BC)";
  if (space != std::string_view::npos) out += text.substr(space);
  return out;
}

std::string in_quotes(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') out += '\\';
    out += c;
  }
  return out + "'";
}

/// The next element of "a,"b c",NULL}"; what is left begins behind the comma or brace.
std::string take_element(std::string_view& rest, bool& is_quoted) {
  std::string element;
  is_quoted = rest.starts_with('"');
  if (is_quoted) rest.remove_prefix(1);
  while (!rest.empty()) {
    const char c = rest.front();
    if (is_quoted ? c == '"' : c == ',' || c == '}') break;
    if (c == '\\' && rest.size() > 1) rest.remove_prefix(1);
    element += rest.front();
    rest.remove_prefix(1);
  }
  if (is_quoted && !rest.empty()) rest.remove_prefix(1);
  if (!rest.empty()) rest.remove_prefix(1);
  return element;
}

std::string castable_list(std::string_view text, const plan::Type& element) {
  if (!text.starts_with('{')) return std::string(text);
  text.remove_prefix(1);
  std::string out = "[";
  if (text == "}") return "[]";
  while (!text.empty()) {
    bool is_quoted = false;
    const std::string value = take_element(text, is_quoted);
    if (out.size() > 1) out += ", ";
    out += !is_quoted && value == "NULL" ? "NULL" : in_quotes(castable_text(value, element));
  }
  return out + "]";
}

}  // namespace

std::string castable_text(std::string_view text, const plan::Type& type) {
  switch (type.kind) {
    case Kind::binary:
      return castable_bytes(text);
    case Kind::date:
    case Kind::timestamp:
    case Kind::timestamptz:
      return castable_time(text);
    case Kind::list:
      return castable_list(text, type.children.front());
    default:
      return std::string(text);
  }
}

}  // namespace weir::postgres
