#include "engine/aggregate_translation.h"

#include <algorithm>
#include <string_view>

#include "engine/average.h"

namespace weir::engine {
namespace {

using plan::AggregateFunction;

struct Name {
  std::string_view name;
  AggregateFunction function;
};
constexpr std::string_view kAverage = "avg";
constexpr Name kNames[] = {{"count_star", AggregateFunction::count_rows},
                           {"count", AggregateFunction::count},
                           {"sum", AggregateFunction::sum},
                           {"sum_no_overflow", AggregateFunction::sum},
                           {"min", AggregateFunction::min},
                           {"max", AggregateFunction::max},
                           {kAverage, AggregateFunction::sum}};

}  // namespace

std::expected<TranslatedAggregate, plan::Refusal> translate_aggregate(const duckdb::BoundAggregateExpression& call,
                                                                      const ColumnOf& column_of) {
  const auto* found = std::ranges::find(kNames, call.function.name, &Name::name);
  if (found == std::end(kNames)) return std::unexpected("the aggregate is not pushed");
  const size_t arguments = found->function == AggregateFunction::count_rows ? 0 : 1;
  if (call.children.size() != arguments) return std::unexpected("the aggregate is not pushed with these arguments");
  if (call.order_bys && !call.order_bys->orders.empty()) {
    return std::unexpected("aggregates in an order are not pushed");
  }
  plan::Aggregate aggregate{.function = found->function};
  // The least of some values is the least of the different ones.
  const bool is_extreme = found->function == AggregateFunction::min || found->function == AggregateFunction::max;
  aggregate.distinct = call.IsDistinct() && !is_extreme;
  if (arguments > 0) {
    auto input = translate(*call.children[0], column_of);
    if (!input) return std::unexpected(std::move(input.error()));
    aggregate.input = std::move(*input);
  }
  if (call.filter) {
    auto filter = translate(*call.filter, column_of);
    if (!filter) return std::unexpected(std::move(filter.error()));
    aggregate.filter = std::move(*filter);
  }
  if (found->name != kAverage) return TranslatedAggregate{std::move(aggregate), {}};
  if (!divides_exact_sum(call.children[0]->return_type))
    return std::unexpected("its sum depends on the order of the rows");
  auto count = aggregate;
  count.function = AggregateFunction::count;
  return TranslatedAggregate{std::move(aggregate), std::move(count)};
}

}  // namespace weir::engine
