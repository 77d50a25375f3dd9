/// Statements whose text holds a secret by design.
#pragma once

#include <string_view>

#include "base/error.h"

namespace weir::engine {

/// Stands for the whole text of such a statement wherever it would be shown.
inline constexpr std::string_view kSecretText = "(not shown: CREATE SECRET or ATTACH)";

/// Whether `sql` has a CREATE SECRET or an ATTACH, however broken. Rather too much than too little: quotes and the
/// beginnings of statements do not count, because in a text with a mistake they may lie.
bool holds_secret(std::string_view sql);

/// `error` of `sql` without words of it: the parser's message repeats what it stumbled over.
Error without_text(Error error, std::string_view sql);

}  // namespace weir::engine
