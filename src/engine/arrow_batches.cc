/// DuckDB's chunks as Arrow batches.
#include "engine/arrow_batches.h"

#include <duckdb/common/arrow/arrow_converter.hpp>
#include <duckdb/common/vector_operations/vector_operations.hpp>

#include "engine/answer_types.h"
#include "engine/errors.h"

namespace weir::engine {
namespace {

constexpr uint64_t kRowsMax = 8 * STANDARD_VECTOR_SIZE;
constexpr uint64_t kBytesMax = 16u << 20;

duckdb::ClientProperties properties_of(duckdb::ClientContext& client) {
  auto properties = client.GetClientProperties();
  properties.time_zone = "UTC";
  return properties;
}

/// A HUGEINT that no DECIMAL holds is the one value that a cast to its answer type can refuse.
Error cast_error(Error error, const std::string& column, const duckdb::LogicalType& type) {
  if (error.code != ErrorCode::query_failed) return error;
  error.code = ErrorCode::value_out_of_range;
  error.message = "a value has too many digits for an answer: column " + column + " of type " + type.ToString();
  error.hint = "Cast the column to VARCHAR.";
  return error;
}

}  // namespace

ArrowBatches::ArrowBatches(duckdb::ClientContext& client, duckdb::vector<std::string> names,
                           const duckdb::vector<duckdb::LogicalType>& types)
    : client_(client), names_(std::move(names)) {
  for (const auto& type : types) {
    types_.push_back(answer_type(type));
    casts_ = casts_ || types_.back() != type;
  }
  if (casts_) cast_chunk_.Initialize(duckdb::Allocator::DefaultAllocator(), types_);
}

Result<batch::OwnedSchema> ArrowBatches::schema() {
  return guarded({}, [&] {
    batch::OwnedSchema schema;
    auto properties = properties_of(client_);
    duckdb::ArrowConverter::ToArrowSchema(schema.get(), types_, names_, properties);
    return schema;
  });
}

Status ArrowBatches::add(duckdb::DataChunk& chunk) {
  duckdb::DataChunk* exact = &chunk;
  if (casts_) {
    cast_chunk_.Reset();
    for (size_t column = 0; column < types_.size(); ++column) {
      auto& from = chunk.data[column];
      if (from.GetType() == types_[column]) {
        cast_chunk_.data[column].Reference(from);
        continue;
      }
      auto cast =
          guarded({}, [&] { duckdb::VectorOperations::Cast(client_, from, cast_chunk_.data[column], chunk.size()); });
      if (!cast) return fail(cast_error(std::move(cast.error()), names_[column], from.GetType()));
    }
    cast_chunk_.SetCardinality(chunk.size());
    exact = &cast_chunk_;
  }
  return guarded({}, [&] {
    if (!appender_) {
      // A short first chunk is most often the only one.
      uint64_t capacity = exact->size() < STANDARD_VECTOR_SIZE ? exact->size() : kRowsMax;
      appender_ = std::make_unique<duckdb::ArrowAppender>(
          types_, capacity, properties_of(client_),
          duckdb::unordered_map<duckdb::idx_t, const duckdb::shared_ptr<duckdb::ArrowTypeExtensionData>>{});
    }
    appender_->Append(*exact, 0, exact->size(), exact->size());
    rows_ += exact->size();
    bytes_ += exact->GetAllocationSize();
  });
}

bool ArrowBatches::full() const { return rows_ + STANDARD_VECTOR_SIZE > kRowsMax || bytes_ >= kBytesMax; }

Result<batch::OwnedArray> ArrowBatches::take() {
  return guarded({}, [&] {
    ArrowArray array = appender_->Finalize();
    appender_.reset();
    rows_ = bytes_ = 0;
    return batch::OwnedArray(array);
  });
}

}  // namespace weir::engine
