#include "engine/arrow_vectors.h"

#include <cstring>

namespace weir::engine {
namespace {

using duckdb::FlatVector;
using duckdb::idx_t;
using duckdb::Vector;
using plan::Kind;

/// Keeps a batch alive for the vectors that point into it.
struct BatchBuffer : duckdb::VectorBuffer {
  explicit BatchBuffer(std::shared_ptr<const connector::Batch> batch)
      : VectorBuffer(duckdb::VectorBufferType::OPAQUE_BUFFER), batch(std::move(batch)) {}
  std::shared_ptr<const connector::Batch> batch;
};

/// Copies `count` bits from bit `offset` on; bits behind the last one are undefined.
void copy_bits(const uint8_t* source, int64_t offset, int64_t count, uint8_t* target) {
  source += offset / 8;
  const int shift = static_cast<int>(offset % 8);
  const int64_t bytes = (count + 7) / 8;
  if (shift == 0) {
    std::memcpy(target, source, static_cast<size_t>(bytes));
    return;
  }
  const int64_t last_source_byte = (shift + count - 1) / 8;
  for (int64_t i = 0; i < bytes; ++i) {
    const unsigned high = i < last_source_byte ? source[i + 1] : 0u;
    target[i] = static_cast<uint8_t>((unsigned{source[i]} >> shift) | (high << (8 - shift)));
  }
}

template <typename T>
const T* values(const ArrowArray& array, int buffer = 1) {
  return static_cast<const T*>(array.buffers[buffer]);
}

/// One column of one chunk; `first` is the position in the array's buffers.
struct Slice {
  Vector& vector;
  const ArrowArray& array;
  int64_t first;
  int64_t count;
  const BatchOwner& owner;
};

void fill_validity(const Slice& slice) {
  auto& mask = FlatVector::Validity(slice.vector);
  if (slice.array.null_count == 0 || slice.array.buffers[0] == nullptr) return;
  mask.Resize(static_cast<idx_t>(slice.count));
  mask.EnsureWritable();
  copy_bits(values<uint8_t>(slice.array, 0), slice.first, slice.count, reinterpret_cast<uint8_t*>(mask.GetData()));
}

/// Values whose Arrow form is DuckDB's own.
template <typename T>
void share(const Slice& slice) {
  static_assert(std::is_trivially_copyable_v<T>);
  auto* data = const_cast<T*>(values<T>(slice.array) + slice.first);
  FlatVector::SetData(slice.vector, reinterpret_cast<duckdb::data_ptr_t>(data));
  slice.vector.SetAuxiliary(slice.owner);
}

void fill_booleans(const Slice& slice) {
  const auto* bits = values<uint8_t>(slice.array);
  auto* out = FlatVector::GetData<bool>(slice.vector);
  for (int64_t i = 0; i < slice.count; ++i) {
    const int64_t bit = slice.first + i;
    out[i] = (bits[bit / 8] >> (bit % 8)) & 1;
  }
}

/// The low half of a 128-bit decimal is the value, when its precision is at most 18.
template <typename T>
void narrow_decimals(const Slice& slice) {
  const auto* low = values<int64_t>(slice.array) + slice.first * 2;
  auto* out = FlatVector::GetData<T>(slice.vector);
  for (int64_t i = 0; i < slice.count; ++i) out[i] = static_cast<T>(low[i * 2]);
}

void fill_decimals(const Slice& slice) {
  switch (slice.vector.GetType().InternalType()) {
    case duckdb::PhysicalType::INT16:
      return narrow_decimals<int16_t>(slice);
    case duckdb::PhysicalType::INT32:
      return narrow_decimals<int32_t>(slice);
    case duckdb::PhysicalType::INT64:
      return narrow_decimals<int64_t>(slice);
    default:
      return share<duckdb::hugeint_t>(slice);
  }
}

void fill_strings(const Slice& slice) {
  const auto* offsets = values<int32_t>(slice.array) + slice.first;
  const auto* bytes = values<char>(slice.array, 2);
  auto* out = FlatVector::GetData<duckdb::string_t>(slice.vector);
  bool any_shared = false;
  for (int64_t i = 0; i < slice.count; ++i) {
    const auto length = static_cast<uint32_t>(offsets[i + 1] - offsets[i]);
    out[i] = length == 0 ? duckdb::string_t("", 0) : duckdb::string_t(bytes + offsets[i], length);
    any_shared |= length > duckdb::string_t::INLINE_LENGTH;
  }
  if (any_shared) duckdb::StringVector::AddBuffer(slice.vector, slice.owner);
}

/// DuckDB orders UUIDs as signed 128-bit numbers: big-endian bytes with the top bit flipped.
void fill_uuids(const Slice& slice) {
  const auto* bytes = values<uint8_t>(slice.array) + slice.first * 16;
  auto* out = FlatVector::GetData<duckdb::hugeint_t>(slice.vector);
  for (int64_t i = 0; i < slice.count; ++i, bytes += 16) {
    uint64_t high = 0;
    uint64_t low = 0;
    std::memcpy(&high, bytes, 8);
    std::memcpy(&low, bytes + 8, 8);
    out[i].upper = static_cast<int64_t>(__builtin_bswap64(high) ^ (uint64_t{1} << 63));
    out[i].lower = __builtin_bswap64(low);
  }
}

void fill_lists(const Slice& slice, const plan::Type& type) {
  const auto* offsets = values<int32_t>(slice.array) + slice.first;
  auto* out = FlatVector::GetData<duckdb::list_entry_t>(slice.vector);
  const int32_t begin = offsets[0];
  for (int64_t i = 0; i < slice.count; ++i) {
    out[i].offset = static_cast<idx_t>(offsets[i] - begin);
    out[i].length = static_cast<idx_t>(offsets[i + 1] - offsets[i]);
  }
  const int64_t size = offsets[slice.count] - begin;
  duckdb::ListVector::Reserve(slice.vector, static_cast<idx_t>(size));
  duckdb::ListVector::SetListSize(slice.vector, static_cast<idx_t>(size));
  auto& child = duckdb::ListVector::GetEntry(slice.vector);
  child.SetVectorType(duckdb::VectorType::FLAT_VECTOR);
  fill_vector(child, type.children.at(0), *slice.array.children[0], begin, size, slice.owner);
}

}  // namespace

BatchOwner own(std::shared_ptr<const connector::Batch> batch) {
  return duckdb::make_buffer<BatchBuffer>(std::move(batch));
}

void fill_vector(Vector& vector, const plan::Type& type, const ArrowArray& array, int64_t row, int64_t count,
                 const BatchOwner& owner) {
  const Slice slice{vector, array, array.offset + row, count, owner};
  if (count == 0) return;
  fill_validity(slice);
  switch (type.kind) {
    case Kind::boolean:
      return fill_booleans(slice);
    case Kind::int16:
      return share<int16_t>(slice);
    case Kind::int32:
    case Kind::date:
      return share<int32_t>(slice);
    case Kind::uint32:
      return share<uint32_t>(slice);
    case Kind::int64:
    case Kind::time:
    case Kind::timestamp:
    case Kind::timestamptz:
      return share<int64_t>(slice);
    case Kind::float32:
      return share<float>(slice);
    case Kind::float64:
      return share<double>(slice);
    case Kind::interval:
      return share<duckdb::interval_t>(slice);
    case Kind::decimal:
      return fill_decimals(slice);
    case Kind::text:
    case Kind::binary:
    case Kind::json:
      return fill_strings(slice);
    case Kind::uuid:
      return fill_uuids(slice);
    case Kind::list:
      return fill_lists(slice, type);
  }
}

}  // namespace weir::engine
