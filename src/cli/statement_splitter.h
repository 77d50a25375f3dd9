/// Cuts SQL text at its semicolons, as the engine's own lexer would, so that a script or typed lines run one by one.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace weir::cli {

/// A statement without its semicolon and the white space around it.
struct Statement {
  std::string text;
  int line = 1;  ///< where `text` begins
};

/// What the text ends inside of.
enum class Inside : uint8_t { nothing, single_quotes, double_quotes, dollar_quotes, comment };

struct SplitText {
  std::vector<Statement> statements;  ///< ended by a semicolon; those of comments only are left out
  Statement rest;                     ///< what follows the last semicolon; an empty text when only comments do
  Inside inside = Inside::nothing;    ///< what `rest` leaves open; a comment of one line counts as closed
};

/// Knows 'text' with '' inside, E'text' with backslashes, "names", $tag$text$tag$, comments of one line and nested ones
/// of many.
SplitText split_statements(std::string_view text);

/// `text` on one line: a space for each comment and line break outside of quotes.
std::string on_one_line(std::string_view text);

}  // namespace weir::cli
