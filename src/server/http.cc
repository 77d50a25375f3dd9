#include "server/http.h"

#include <algorithm>
#include <optional>

namespace weir::server {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

std::optional<int> hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char small = lower(c);
  if (small >= 'a' && small <= 'f') return small - 'a' + 10;
  return std::nullopt;
}

Status add_parameter(std::string_view pair, Parameters& parameters) {
  const size_t equals = pair.find('=');
  const std::string name = WEIR_TRY(percent_decode(pair.substr(0, equals), true));
  const std::string value = equals == pair.npos ? "" : WEIR_TRY(percent_decode(pair.substr(equals + 1), true));
  if (!parameters.emplace(name, value).second) {
    return fail(ErrorCode::invalid_request, "parameter is given twice: " + name, "Give it once.");
  }
  return {};
}

}  // namespace

bool equals_ignoring_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view trimmed(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t");
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

const std::string* Fields::find(std::string_view name) const {
  const auto found = std::ranges::find_if(fields_, [&](const auto& f) { return equals_ignoring_case(f.first, name); });
  return found == fields_.end() ? nullptr : &found->second;
}

size_t Fields::count(std::string_view name) const {
  return std::ranges::count_if(fields_, [&](const auto& f) { return equals_ignoring_case(f.first, name); });
}

Result<std::string> percent_decode(std::string_view text, bool plus_is_space) {
  std::string decoded;
  decoded.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += plus_is_space && text[i] == '+' ? ' ' : text[i];
      continue;
    }
    const auto high = i + 2 < text.size() ? hex_digit(text[i + 1]) : std::nullopt;
    const auto low = high ? hex_digit(text[i + 2]) : std::nullopt;
    if (!low) return fail(ErrorCode::invalid_request, "address has a '%' without two hexadecimal digits");
    decoded += static_cast<char>(*high * 16 + *low);
    i += 2;
  }
  return decoded;
}

Result<Parameters> parse_parameters(std::string_view query_string) {
  Parameters parameters;
  while (!query_string.empty()) {
    const size_t end = query_string.find('&');
    const std::string_view pair = query_string.substr(0, end);
    if (!pair.empty()) WEIR_TRY(add_parameter(pair, parameters));
    query_string = end == query_string.npos ? std::string_view{} : query_string.substr(end + 1);
  }
  return parameters;
}

}  // namespace weir::server
