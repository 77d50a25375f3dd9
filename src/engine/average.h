/// AVG, whose sum and count come from a source: divided here, because its rounding is DuckDB's own.
#pragma once

#include <memory>

#include <duckdb.hpp>
#include <duckdb/function/scalar_function.hpp>
#include <duckdb/planner/expression.hpp>

namespace weir::engine {

/// Whether DuckDB's AVG of values of this type follows from their exact sum and their number.
bool divides_exact_sum(const duckdb::LogicalType& input);

/// The `sum` of values of type `input` by their `count` (BIGINT): the DOUBLE that DuckDB's AVG gives; NULL for no
/// values.
duckdb::unique_ptr<duckdb::Expression> divide_sum(const duckdb::LogicalType& input,
                                                  duckdb::unique_ptr<duckdb::Expression> sum,
                                                  duckdb::unique_ptr<duckdb::Expression> count);

/// The function that divides: `weir_average(sum, count, short)`. It must be registered, because copies of a plan find
/// it by name.
duckdb::ScalarFunction average_function();

}  // namespace weir::engine
