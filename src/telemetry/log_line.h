/// The text of one log line; apart from the log itself so that it can be tested.
#pragma once

#include <chrono>
#include <span>
#include <string>
#include <string_view>

#include "telemetry/log.h"

namespace weir::telemetry {

/// A value longer than this is cut, and the line says by how much.
inline constexpr size_t kLogValueBytesMax = 8 << 10;

/// One line without its end. Values are escaped: nothing in them can begin a new line, a new field or a terminal
/// sequence. Text: `2024-02-29T12:00:00.000000Z info connector_created name=pg_prod`; JSON: one object.
std::string log_line(LogFormat format, Level level, std::chrono::system_clock::time_point at, std::string_view event,
                     std::span<const Field> fields);

}  // namespace weir::telemetry
