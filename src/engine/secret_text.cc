/// Looks for the first words of the statements, with comments left out.
#include "engine/secret_text.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string>
#include <vector>

namespace weir::engine {
namespace {

/// What may stand between CREATE and SECRET, or between ATTACH and the place.
constexpr std::array<std::string_view, 9> kBetween = {"or",       "replace", "persistent", "temporary", "temp",
                                                      "database", "if",      "not",        "exists"};

bool is_word(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return std::isalnum(byte) != 0 || c == '_' || byte >= 0x80;
}

/// Words in small letters; every other character that is no white space and no comment is one of its own.
std::vector<std::string> tokens(std::string_view sql) {
  std::vector<std::string> found;
  while (!sql.empty()) {
    size_t length = 1;
    if (sql.starts_with("--")) {
      length = std::min(sql.find('\n'), sql.size());
    } else if (sql.starts_with("/*")) {
      const size_t end = sql.find("*/", 2);
      length = end == std::string_view::npos ? 2 : end + 2;
    } else if (is_word(sql[0])) {
      length = static_cast<size_t>(std::ranges::find_if_not(sql, is_word) - sql.begin());
      std::string word(sql.substr(0, length));
      std::ranges::transform(word, word.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
      found.push_back(std::move(word));
    } else if (std::isspace(static_cast<unsigned char>(sql[0])) == 0) {
      found.emplace_back(sql.substr(0, 1));
    }
    sql.remove_prefix(length);
  }
  return found;
}

}  // namespace

bool holds_secret(std::string_view sql) {
  const auto words = tokens(sql);
  for (auto word = words.begin(); word != words.end(); ++word) {
    if (*word != "create" && *word != "attach") continue;
    const auto next = std::find_if(word + 1, words.end(), [](const std::string& between) {
      return std::ranges::find(kBetween, between) == kBetween.end();
    });
    if (next == words.end()) continue;
    // A place is a text; without quotes it is a name, which holds nothing.
    const bool is_text = *next == "'" || *next == "\"" || *next == "$" || *next == "e" || *next == "x";
    if (*word == "create" ? *next == "secret" : is_text) return true;
  }
  return false;
}

Error without_text(Error error, std::string_view sql) {
  const bool repeats = error.code == ErrorCode::syntax_error || error.code == ErrorCode::invalid_query ||
                       error.code == ErrorCode::query_failed;
  if (repeats && holds_secret(sql)) {
    error.message = "the statement cannot be run, and its text is not repeated " + std::string(kSecretText);
  }
  return error;
}

}  // namespace weir::engine
