/// PostgreSQL's text form of a value → one that DuckDB casts to the value's type.
#pragma once

#include <string>
#include <string_view>

#include "plan/type.h"

namespace weir::postgres {

/// `text` as the session settings of TYPES.md show it. Lists become "[1, NULL]", bytes "\x00\xFF", years BC "(BC)";
/// everything else stays.
std::string castable_text(std::string_view text, const plan::Type& type);

}  // namespace weir::postgres
