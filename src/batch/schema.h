/// Arrow schemas through the C Data Interface.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <arrow/c/abi.h>

#include "batch/arrow_owners.h"

namespace weir::batch {

/// A field with a format string of the C Data Interface ("l", "u", "d:12,2", "+l", "+s" …). `extension` names what the
/// format leaves open: "arrow.uuid", "arrow.json", "weir.interval"; empty: nothing.
OwnedSchema make_schema(std::string format, std::string name, bool nullable, std::vector<OwnedSchema> children = {},
                        std::string_view extension = {});
/// The extension name of a field; empty: none.
std::string extension_of(const ArrowSchema& field);

}  // namespace weir::batch
