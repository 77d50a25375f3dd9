/// Recognises SET, RESET and USE by their first words.
#include "cli/remembered_settings.h"

#include <algorithm>
#include <cctype>

#include "cli/statement_splitter.h"

namespace weir::cli {
namespace {

/// Cuts the first word off `text`, in lower case; words end at white space and '='.
std::string next_word(std::string_view& text) {
  const auto is_end = [](char c) { return c == '=' || std::isspace(static_cast<unsigned char>(c)) != 0; };
  const auto begin = std::find_if_not(text.begin(), text.end(), is_end);
  const auto end = std::find_if(begin, text.end(), is_end);
  std::string word(begin, end);
  std::transform(word.begin(), word.end(), word.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  text.remove_prefix(static_cast<size_t>(end - text.begin()));
  return word;
}

std::string setting_name(std::string_view& rest) {
  std::string name = next_word(rest);
  if (name == "session" || name == "global" || name == "local") name = next_word(rest);
  return name;
}

}  // namespace

void RememberedSettings::note(std::string_view statement) {
  const std::string line = on_one_line(statement);
  std::string_view rest = line;
  const std::string verb = next_word(rest);
  if (verb != "set" && verb != "reset" && verb != "use") return;
  const std::string name = verb == "use" ? "use" : setting_name(rest);
  std::erase_if(statements_, [&](const auto& known) { return known.first == name; });
  if (verb != "reset") statements_.emplace_back(name, line);
}

std::string RememberedSettings::apply(std::string_view statement) const {
  std::string text;
  for (const auto& [name, setting] : statements_) text += setting + "; ";
  return text.append(statement);
}

}  // namespace weir::cli
