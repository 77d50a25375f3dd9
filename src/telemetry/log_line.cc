#include "telemetry/log_line.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/time.h"

namespace weir::telemetry {
namespace {

std::string_view name_of(Level level) {
  switch (level) {
    case Level::debug:
      return "debug";
    case Level::info:
      return "info";
    case Level::warning:
      return "warning";
    case Level::error:
      return "error";
  }
  std::unreachable();
}

std::string limited(const std::string& value) {
  if (value.size() <= kLogValueBytesMax) return value;
  return value.substr(0, kLogValueBytesMax) + "… (" + std::to_string(value.size() - kLogValueBytesMax) + " bytes more)";
}

// Control characters, C1 controls and line separators in Unicode included, leave as ASCII escapes.
std::string escaped(const nlohmann::ordered_json& value) {
  return value.dump(-1, ' ', true, nlohmann::ordered_json::error_handler_t::replace);
}

bool is_plain(const std::string& value) {
  return !value.empty() && std::ranges::all_of(value, [](unsigned char letter) {
    return letter > ' ' && letter < 0x7f && letter != '"' && letter != '=' && letter != '\\';
  });
}

std::string text_line(Level level, const std::string& time, std::string_view event, std::span<const Field> fields) {
  std::string line = time + " " + std::string(name_of(level)) + " " + std::string(event);
  for (const auto& [name, value] : fields) {
    line.append(" ").append(name).append("=");
    line += is_plain(value) && value.size() <= kLogValueBytesMax ? value : escaped(limited(value));
  }
  return line;
}

std::string json_line(Level level, const std::string& time, std::string_view event, std::span<const Field> fields) {
  nlohmann::ordered_json line{{"time", time}, {"level", name_of(level)}, {"event", event}};
  for (const auto& [name, value] : fields) line[std::string(name)] = limited(value);
  return escaped(line);
}

}  // namespace

std::string log_line(LogFormat format, Level level, std::chrono::system_clock::time_point at, std::string_view event,
                     std::span<const Field> fields) {
  const std::string time = iso8601_utc(at);
  return format == LogFormat::json ? json_line(level, time, event, fields) : text_line(level, time, event, fields);
}

}  // namespace weir::telemetry
