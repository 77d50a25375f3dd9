/// One row for each fault.
#include "connectors/postgres/decode_fault.h"

#include <array>
#include <string_view>

#include <fmt/format.h>

namespace weir::postgres {
namespace {

constexpr std::string_view kNumericHint =
    "set connection.numeric_mode to 'string' or 'double' (a numeric with its own precision: exclude the value, or cast "
    "it to text in a view on the source)";
constexpr std::string_view kArrayHint = "set connection.array_mode to 'text'";
constexpr std::string_view kViewHint = "exclude the value, or cast the column to text in a view on the source";

struct Words {
  Fault fault;
  std::string_view what;
  std::string_view hint;
};

/// Values that are well formed but have no place in the column's type.
constexpr std::array kOutOfRange = {
    Words{Fault::numeric_nan, "NaN", kNumericHint},
    Words{Fault::numeric_infinite, "an infinity", kNumericHint},
    Words{Fault::numeric_too_large, "a value with more digits before the point", kNumericHint},
    Words{Fault::numeric_too_precise, "a value with more digits behind the point", kNumericHint},
    Words{Fault::date_range, "a date after 5881580-07-10", kViewHint},
    Words{Fault::timestamp_range, "a timestamp after 294247-01-10 04:00:54.775806", kViewHint},
    Words{Fault::interval_infinite, "an infinite interval", kViewHint},
    Words{Fault::array_dimensions, "an array of several dimensions", kArrayHint},
    Words{Fault::array_lower_bound, "an array whose first subscript is not 1", kArrayHint},
};

std::string malformed_text(const Outcome& outcome) {
  switch (outcome.fault) {
    case Fault::truncated:
      return fmt::format("{} bytes left, need {}", outcome.left, outcome.need);
    case Fault::wrong_length:
      return fmt::format("{} bytes, need {}", outcome.left, outcome.need);
    default:
      return "malformed value";
  }
}

}  // namespace

Error describe_fault(const Outcome& outcome, const std::string& table, const plan::Column& column) {
  for (const Words& words : kOutOfRange) {
    if (words.fault != outcome.fault) continue;
    return {ErrorCode::value_out_of_range,
            fmt::format("cannot hold {} of table {} column {} as {}: {}", column.source_type, table, column.name,
                        plan::to_string(column.type), words.what),
            std::string(words.hint),
            {}};
  }
  return {ErrorCode::schema_drift,
          fmt::format("cannot decode {} of table {} column {}: {} (protocol error; report it)", column.source_type,
                      table, column.name, malformed_text(outcome)),
          "if the column's type was changed just now, run the query again; otherwise report it",
          {}};
}

}  // namespace weir::postgres
