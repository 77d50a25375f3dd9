#include "connector/read_limits.h"

#include <nlohmann/json.hpp>

#include "options/binding.h"

namespace weir::connector {
namespace {

using options::Option;
using options::ValueType;

std::vector<Option> declared() {
  return {
      {.name = "queries_max",
       .type = ValueType::integer,
       .doc = "Queries that may read the source at the same time; one more fails. 0: as many as come.",
       .example = "4",
       .default_value = 0,
       .minimum = 0,
       .maximum = 10'000},
      {.name = "rows_max",
       .type = ValueType::integer,
       .doc = "Rows that one query may read from the source. 0: no limit.",
       .example = "1000000",
       .default_value = 0,
       .minimum = 0,
       .maximum = INT64_MAX},
      {.name = "mb_max",
       .type = ValueType::integer,
       .doc = "The same in megabytes as the source sends them.",
       .example = "512",
       .default_value = 0,
       .minimum = 0,
       .maximum = 1'000'000'000},
      {.name = "seconds_max",
       .type = ValueType::integer,
       .doc = "How long one query may read from the source, from its first request to its last row. 0: no limit.",
       .example = "30",
       .default_value = 0,
       .minimum = 0,
       .maximum = 86'400},
  };
}

const options::Binding<ReadLimits>& binding() {
  static const auto binding = options::Binding<ReadLimits>()
                                  .field("limits.queries_max", &ReadLimits::queries_max)
                                  .field("limits.rows_max", &ReadLimits::rows_max)
                                  .field("limits.mb_max", &ReadLimits::mb_max)
                                  .field("limits.seconds_max", &ReadLimits::time_max);
  return binding;
}

}  // namespace

const options::Group& read_limits_group() {
  static const options::Group group{
      .name = "limits",
      .doc =
          "What live queries may ask of the source. Beyond a limit a query fails with source_limit_exceeded; one "
          "that asks for a partial answer ends there and is marked partial.",
      .options = declared()};
  return group;
}

Result<ReadLimits> read_limits(const nlohmann::json& body) { return binding().read(body); }

}  // namespace weir::connector
