/// Splits nested SQL type names.
#include "format/sql_type.h"

namespace weir::format {
namespace {

std::string_view trim(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

/// Splits at commas that are outside of quotes and parentheses.
std::vector<std::string_view> split_members(std::string_view text) {
  std::vector<std::string_view> members;
  int depth = 0;
  char quote = 0;
  size_t start = 0;
  for (size_t i = 0; i < text.size(); i++) {
    const char c = text[i];
    if (quote != 0) {
      if (c == quote) quote = 0;
    } else if (c == '"' || c == '\'') {
      quote = c;
    } else if (c == '(' || c == '[') {
      depth++;
    } else if (c == ')' || c == ']') {
      depth--;
    } else if (c == ',' && depth == 0) {
      members.push_back(trim(text.substr(start, i - start)));
      start = i + 1;
    }
  }
  members.push_back(trim(text.substr(start)));
  return members;
}

/// "\"b c\" DECIMAL(4,1)" → "DECIMAL(4,1)". A doubled quote inside a name closes and opens it again, which ends alike.
std::string_view without_name(std::string_view member) {
  bool quoted = false;
  for (size_t i = 0; i < member.size(); i++) {
    if (member[i] == '"') quoted = !quoted;
    if (member[i] == ' ' && !quoted) return trim(member.substr(i));
  }
  return member;
}

}  // namespace

std::vector<std::string> child_types(std::string_view sql_type) {
  sql_type = trim(sql_type);
  if (sql_type.ends_with(']')) return {std::string(sql_type.substr(0, sql_type.rfind('[')))};
  if (!sql_type.ends_with(')')) return {};
  const size_t open = sql_type.find('(');
  const std::string_view head = sql_type.substr(0, open);
  const bool named = head == "STRUCT";
  if (!named && head != "MAP") return {};
  std::vector<std::string> types;
  for (std::string_view member : split_members(sql_type.substr(open + 1, sql_type.size() - open - 2))) {
    types.emplace_back(named ? without_name(member) : member);
  }
  return types;
}

}  // namespace weir::format
