/// Makers of the machine-readable writers; others use `make_writer`.
#pragma once

#include <memory>

#include "format/writer.h"

namespace weir::format {

/// {"columns":[…],"rows":[[…],…], …trailer}
std::unique_ptr<Writer> make_json_writer();
/// One object per row; a repeated column name gets the first free suffix `_1`, `_2` …
std::unique_ptr<Writer> make_ndjson_writer();
/// RFC 4180 quoting with a header, lines end in LF; NULL is an empty field, an empty string is "".
std::unique_ptr<Writer> make_csv_writer();
/// Arrow IPC stream; each field's metadata holds its SQL type under `kArrowTypeKey`.
std::unique_ptr<Writer> make_arrow_writer();

/// Metadata keys of the Arrow format: a field's SQL type, and the trailer on the last, empty batch.
inline constexpr std::string_view kArrowTypeKey = "weir:type";
inline constexpr std::string_view kArrowTrailerKey = "weir";

}  // namespace weir::format
