/// Batches of a source as DuckDB vectors: what has the same form is shared, not copied.
#pragma once

#include <memory>

#include <duckdb.hpp>

#include "connector/source.h"
#include "plan/type.h"

namespace weir::engine {

/// A batch in the form in which vectors keep it alive; made once for each batch.
using BatchOwner = duckdb::buffer_ptr<duckdb::VectorBuffer>;
BatchOwner own(std::shared_ptr<const connector::Batch> batch);

/// Fills `vector` with `count` values of `array` from `row` on, in the Arrow form that plan::Kind names. Fixed-width
/// values and long texts stay where they are: `owner`, of the batch of `array`, lives as long as the vector's data.
/// `count` is at most DuckDB's vector size.
void fill_vector(duckdb::Vector& vector, const plan::Type& type, const ArrowArray& array, int64_t row, int64_t count,
                 const BatchOwner& owner);

}  // namespace weir::engine
