#include "telemetry/log.h"

#include <atomic>
#include <memory>
#include <utility>

#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_sinks.h>

#include "telemetry/log_line.h"

namespace weir::telemetry {
namespace {

// The process has one standard error, so this is the one thing of a process that is not passed around.
struct Output {
  Output() : logger("weir", std::make_shared<spdlog::sinks::stderr_sink_mt>()) {
    logger.set_pattern("%v");
    logger.flush_on(spdlog::level::trace);
  }

  spdlog::logger logger;
  std::atomic<LogFormat> format = LogFormat::text;
};

Output& output() {
  static Output output;
  return output;
}

spdlog::level::level_enum level_of(Level level) {
  switch (level) {
    case Level::debug:
      return spdlog::level::debug;
    case Level::info:
      return spdlog::level::info;
    case Level::warning:
      return spdlog::level::warn;
    case Level::error:
      return spdlog::level::err;
  }
  std::unreachable();
}

}  // namespace

void configure_log(LogFormat format, Level lowest) {
  output().format = format;
  output().logger.set_level(level_of(lowest));
}

void log(Level level, std::string_view event, std::initializer_list<Field> fields) {
  spdlog::logger& logger = output().logger;
  if (!logger.should_log(level_of(level))) return;
  logger.log(level_of(level), log_line(output().format, level, std::chrono::system_clock::now(), event, fields));
}

}  // namespace weir::telemetry
