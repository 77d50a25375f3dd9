/// Keeps secrets out of everything that is shown.
#include <algorithm>
#include <cctype>

#include "options/options.h"
#include "options/secret_resolver.h"

namespace weir::options {
namespace {

using nlohmann::json;

constexpr std::string_view kMask = "***";
// What cannot be part of a URL or of an unquoted value in running text.
constexpr std::string_view kTokenEnd = " \t\r\n\"'<>`";

bool is_port(std::string_view text) {
  size_t digits = 0;
  while (digits < text.size() && std::isdigit(static_cast<unsigned char>(text[digits])) != 0) digits++;
  return digits > 0 && (digits == text.size() || text[digits] == '/' || text[digits] == '?' || text[digits] == ',');
}

// The '@' that ends the user and password of `rest` (a URL behind its "://"), or npos. A password may hold '@', '/' or
// '?' that should have been percent-encoded: rather too much is masked than too little.
size_t end_of_user(std::string_view rest) {
  const size_t at = rest.substr(0, rest.find_first_of("?#")).rfind('@');
  if (at != std::string_view::npos) return at;
  const size_t colon = rest.find(':');
  if (colon == std::string_view::npos || is_port(rest.substr(colon + 1))) return std::string_view::npos;
  return rest.rfind('@');
}

std::string shown_password(std::string_view password) {
  return std::string(password.empty() || is_reference(password) ? password : kMask);
}

std::string mask_user_passwords(std::string_view text) {
  std::string masked;
  while (true) {
    const size_t scheme_end = text.find("://");
    if (scheme_end == std::string_view::npos) return masked.append(text);
    masked.append(text.substr(0, scheme_end + 3));
    text.remove_prefix(scheme_end + 3);
    const std::string_view rest = text.substr(0, text.find_first_of(kTokenEnd));
    const size_t at = end_of_user(rest);
    const size_t colon = rest.find(':');
    if (at == std::string_view::npos || colon == std::string_view::npos || colon > at) continue;
    masked.append(rest.substr(0, colon + 1)).append(shown_password(rest.substr(colon + 1, at - colon - 1)));
    text.remove_prefix(at);
  }
}

size_t find_ignoring_case(std::string_view text, std::string_view word, size_t from) {
  const auto same = [](char left, char right) {
    return std::tolower(static_cast<unsigned char>(left)) == std::tolower(static_cast<unsigned char>(right));
  };
  const auto found =
      std::search(text.begin() + static_cast<std::ptrdiff_t>(from), text.end(), word.begin(), word.end(), same);
  return found == text.end() ? std::string_view::npos : static_cast<size_t>(found - text.begin());
}

// One past the value that starts at `from`: quoted as libpq quotes, or up to the end of the token; in a URL '&' ends
// it.
size_t end_of_value(std::string_view text, size_t from) {
  if (from < text.size() && text[from] == '\'') {
    size_t at = from + 1;
    while (at < text.size() && text[at] != '\'') at += text[at] == '\\' ? 2 : 1;
    return std::min(at + 1, text.size());
  }
  const std::string_view before = text.substr(0, from);
  const size_t space = before.find_last_of(kTokenEnd);
  const bool in_url = before.find("://", space == std::string_view::npos ? 0 : space) != std::string_view::npos;
  const std::string end = std::string(kTokenEnd) + (in_url ? "&#" : "");
  return std::min(text.find_first_of(end, from), text.size());
}

std::string mask_password_values(std::string_view text) {
  constexpr std::string_view kWord = "password";
  std::string masked;
  size_t copied = 0;
  for (size_t at = find_ignoring_case(text, kWord, 0); at != std::string_view::npos;
       at = find_ignoring_case(text, kWord, at)) {
    at += kWord.size();
    const size_t equals = text.find_first_not_of(' ', at);
    if (equals == std::string_view::npos || text[equals] != '=') continue;
    const size_t value = text.find_first_not_of(' ', equals + 1);
    if (value == std::string_view::npos) break;
    const size_t end = end_of_value(text, value);
    masked.append(text.substr(copied, value - copied)).append(shown_password(text.substr(value, end - value)));
    copied = at = std::max(end, value);
  }
  return masked.append(text.substr(copied));
}

json masked_value(const Option& option, const json& value) {
  if (value.is_array()) {
    json list = json::array();
    for (const json& item : value) list.push_back(masked_value(option, item));
    return list;
  }
  if (option.secret && !value.is_null()) {
    const bool shown = value.is_string() && (value.get_ref<const std::string&>().empty() ||
                                             is_reference(value.get_ref<const std::string&>()));
    return shown ? value : json(kMask);
  }
  return value.is_string() ? json(mask_urls(value.get_ref<const std::string&>())) : value;
}

void add_plain_secrets(const Group& group, const std::string& prefix, const json& value,
                       std::vector<std::string>& paths) {
  for (const Option& option : group.options) {
    const auto given = value.find(option.name);
    if (given == value.end()) continue;
    const std::string path = prefix + std::string(option.name);
    if (option.type == ValueType::group) {
      add_plain_secrets(*option.group, path + ".", *given, paths);
    } else if (masked_value(option, *given) != *given) {
      paths.push_back(path);
    }
  }
}

}  // namespace

std::string mask_urls(std::string_view text) { return mask_password_values(mask_user_passwords(text)); }

nlohmann::json masked(const Group& group, const nlohmann::json& value) {
  json shown = json::object();
  for (const Option& option : group.options) {
    const auto given = value.find(option.name);
    if (given == value.end()) continue;
    shown[std::string(option.name)] =
        option.type == ValueType::group ? masked(*option.group, *given) : masked_value(option, *given);
  }
  return shown;
}

std::vector<std::string> plain_secrets(const Group& group, const nlohmann::json& value) {
  std::vector<std::string> paths;
  add_plain_secrets(group, "", value, paths);
  return paths;
}

}  // namespace weir::options
