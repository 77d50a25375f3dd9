/// JSON answers of the REST API as tables for people.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "format/text_grid.h"

namespace weir::cli {

/// One line per object of `records`, one column per key of `keys`; what is missing or null stays empty, booleans are
/// yes and no, an object of booleans is the keys of those that are true, a list of scalars is joined by commas, what
/// else is nested is JSON.
std::string records_table(const nlohmann::json& records, const std::vector<std::string_view>& keys,
                          const format::TableOptions& options);
/// One line per value inside `object`, nested ones by their path: "source.version │ PG 15.4".
std::string fields_table(const nlohmann::json& object, const format::TableOptions& options);

}  // namespace weir::cli
