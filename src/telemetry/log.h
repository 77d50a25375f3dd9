/// Logs as named events with fields, one line each (text or JSON), to standard error. Secrets never come here: callers
/// pass names and masked values only.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace weir::telemetry {

enum class Level : uint8_t { debug, info, warning, error };
enum class LogFormat : uint8_t { text, json };

/// A field of an event. Units last in the name: `duration_ms`.
using Field = std::pair<std::string_view, std::string>;

/// Sets the format and the lowest level that is written. Called once, before threads start.
void configure_log(LogFormat format, Level lowest);
/// Writes one event: `log(Level::info, "connector_created", {{"name", name}})`.
void log(Level level, std::string_view event, std::initializer_list<Field> fields);

}  // namespace weir::telemetry
