/// Reading the SQL type names that stand beside Arrow columns, because Arrow alone does not tell a JSON from a text.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace weir::format {

/// The types inside a nested type, in order: "INTEGER[]" → INTEGER; "MAP(VARCHAR, JSON)" → VARCHAR, JSON;
/// "STRUCT(a INTEGER, \"b c\" DECIMAL(4,1))" → INTEGER, DECIMAL(4,1). Empty for any other text.
std::vector<std::string> child_types(std::string_view sql_type);

}  // namespace weir::format
