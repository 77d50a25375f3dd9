/// The parts of docs/ that are made from declarations, so that they cannot tell something else than the program does.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "connector/registry.h"

namespace weir::cli {

/// `page` with the text between each `<!-- generated: NAME -->` and `<!-- end generated -->` made anew. Names:
/// `errors`, `serve-options`, `connector-options TYPE`. Errors: invalid_request for a name that is none or a mark
/// without its end.
Result<std::string> regenerated(std::string_view page, const connector::Registry& registry);

}  // namespace weir::cli
