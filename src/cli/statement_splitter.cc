/// A scanner with one function per kind of token.
#include "cli/statement_splitter.h"

#include <algorithm>
#include <cctype>
#include <cstddef>

namespace weir::cli {
namespace {

bool is_word(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return std::isalnum(byte) != 0 || c == '_' || c == '$' || byte >= 0x80;
}

class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  SplitText split() {
    while (at_ < text_.size()) token();
    result_.rest = cut(text_.size());
    if (!has_token_ && result_.inside != Inside::comment) result_.rest.text.clear();
    return std::move(result_);
  }

  std::string one_line() {
    std::string line;
    while (at_ < text_.size()) {
      const size_t from = at_;
      const bool is_gap = starts("--") || starts("/*") || std::isspace(static_cast<unsigned char>(text_[at_])) != 0;
      token();
      if (is_gap) {
        line += ' ';
      } else {
        line += text_.substr(from, at_ - from);
      }
    }
    const size_t begin = line.find_first_not_of(' ');
    return begin == std::string::npos ? "" : line.substr(begin, line.find_last_not_of(' ') + 1 - begin);
  }

 private:
  bool starts(std::string_view prefix) const { return text_.substr(at_).starts_with(prefix); }

  void token() {
    const char c = text_[at_];
    if (std::isspace(static_cast<unsigned char>(c)) != 0) {
      at_++;
    } else if (starts("--")) {
      at_ = std::min(text_.find('\n', at_), text_.size());
    } else if (starts("/*")) {
      comment();
    } else if (c == ';') {
      end_statement();
    } else {
      has_token_ = true;
      value();
    }
  }

  void value() {
    const char c = text_[at_];
    if (c == '\'') {
      quoted('\'', false, Inside::single_quotes);
    } else if (c == '"') {
      quoted('"', false, Inside::double_quotes);
    } else if (starts("E'") || starts("e'")) {
      at_++;
      quoted('\'', true, Inside::single_quotes);
    } else if (c == '$') {
      dollar();
    } else if (is_word(c)) {
      // A whole word at once: its e is no prefix of a quote and its $ opens none.
      while (at_ < text_.size() && is_word(text_[at_])) at_++;
    } else {
      at_++;
    }
  }

  /// A doubled quote closes and opens again, which ends alike.
  void quoted(char quote, bool backslashes, Inside inside) {
    for (at_++; at_ < text_.size(); at_++) {
      if (backslashes && text_[at_] == '\\') {
        at_++;
      } else if (text_[at_] == quote) {
        at_++;
        if (at_ >= text_.size() || text_[at_] != quote) return;
      }
    }
    at_ = text_.size();
    result_.inside = inside;
  }

  void comment() {
    int depth = 0;
    do {
      if (starts("/*")) {
        depth++;
        at_ += 2;
      } else if (starts("*/")) {
        depth--;
        at_ += 2;
      } else {
        at_++;
      }
    } while (depth > 0 && at_ < text_.size());
    if (depth > 0) result_.inside = Inside::comment;
  }

  /// `$1` is a parameter; `$$` and `$tag$` open a text that the same tag closes.
  void dollar() {
    size_t end = at_ + 1;
    if (end < text_.size() && std::isdigit(static_cast<unsigned char>(text_[end])) != 0) {
      at_ = end;
      return;
    }
    while (end < text_.size() && text_[end] != '$' && is_word(text_[end])) end++;
    if (end >= text_.size() || text_[end] != '$') {
      at_++;
      return;
    }
    const std::string_view tag = text_.substr(at_, end + 1 - at_);
    const size_t close = text_.find(tag, end + 1);
    at_ = close == std::string_view::npos ? text_.size() : close + tag.size();
    if (close == std::string_view::npos) result_.inside = Inside::dollar_quotes;
  }

  void end_statement() {
    Statement statement = cut(at_);
    if (has_token_) result_.statements.push_back(std::move(statement));
    has_token_ = false;
    begin_ = ++at_;
  }

  /// The text from the statement's begin to `end`, without white space around it.
  Statement cut(size_t end) {
    const auto is_space = [](char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; };
    while (begin_ < end && is_space(text_[begin_])) begin_++;
    line_ += static_cast<int>(std::count(text_.begin() + static_cast<std::ptrdiff_t>(counted_),
                                         text_.begin() + static_cast<std::ptrdiff_t>(begin_), '\n'));
    counted_ = begin_;
    while (end > begin_ && is_space(text_[end - 1])) end--;
    return {std::string(text_.substr(begin_, end - begin_)), line_};
  }

  std::string_view text_;
  size_t at_ = 0, begin_ = 0, counted_ = 0;
  int line_ = 1;
  bool has_token_ = false;
  SplitText result_;
};

}  // namespace

SplitText split_statements(std::string_view text) { return Scanner(text).split(); }

std::string on_one_line(std::string_view text) { return Scanner(text).one_line(); }

}  // namespace weir::cli
